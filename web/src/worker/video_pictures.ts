/**
 * The pictures of a video file at given times, as luma. WebCodecs decodes, mediabunny finds what to decode: nothing but
 * the file itself is read, and no more of it than is needed.
 *
 * Source: docs/video.md §1 and §3; https://www.w3.org/TR/webcodecs/#pixel-format.
 */
import {
  BlobSource,
  Input,
  MATROSKA,
  MP4,
  MPEG_TS,
  QTFF,
  VideoSampleSink,
  WEBM,
  type InputVideoTrack,
  type VideoSample,
} from 'mediabunny';
import { turned, type Luma } from '../core/luma.ts';
import type { GreyPixels } from '../core/pdq.ts';
import { Problem } from '../core/problem.ts';
import { MAX_DURATION_S, ticksASecond } from '../core/video.ts';

/** For containers that round times to milliseconds. */
const LATE_S = 0.005;
const MAX_PIXELS = 36_000_000;
/** What the sniffer calls a video, as far as it can be opened here; readers of other formats would only weigh. */
const FORMATS = [MP4, QTFF, MATROSKA, WEBM, MPEG_TS];
/** Formats with a plane of luma of their own, and the bits of a sample. */
const LUMA_FIRST = /^(?:I4(?:20|22|44)A?(?:P(10|12))?|NV12)$/;

/** An open video. */
export interface OpenVideo {
  readonly durationS: number;
  /** The pictures at these ticks, which ascend; a tick without a picture is left out. */
  picturesAt(ticks: readonly number[]): AsyncGenerator<{ readonly tick: number; readonly luma: Luma }>;
  close(): void;
}

/**
 * Open a video.
 *
 * @throws Problem `media.no_video` (sound only), `media.damaged`, `media.too_large`, `media.codec` if this device cannot
 *   decode it.
 */
export async function openVideo(file: Blob): Promise<OpenVideo> {
  const input = new Input({ formats: FORMATS, source: new BlobSource(file) });
  try {
    const track = await videoTrack(input);
    const firstS = await track.getFirstTimestamp();
    const durationS = Math.max(0, Math.min(MAX_DURATION_S, (await track.computeDuration()) - firstS));
    return {
      durationS,
      picturesAt: (ticks) => {
        const rate = ticksASecond(durationS);
        return picturesAt(
          track,
          ticks,
          ticks.map((tick) => firstS + tick / rate + LATE_S),
        );
      },
      close: () => {
        input.dispose();
      },
    };
  } catch (error) {
    input.dispose();
    throw error instanceof Problem ? error : new Problem('media.damaged');
  }
}

async function videoTrack(input: Input): Promise<InputVideoTrack> {
  if (!(await input.canRead())) throw new Problem('media.codec'); // a container that only the other side reads
  const track = await input.getPrimaryVideoTrack();
  // A file without any track ends before it says what is in it.
  if (track === null) throw new Problem((await input.getTracks()).length > 0 ? 'media.no_video' : 'media.damaged');
  if ((await track.getCodedWidth()) * (await track.getCodedHeight()) > MAX_PIXELS) throw new Problem('media.too_large');
  if (typeof VideoDecoder === 'undefined' || !(await track.canDecode())) throw new Problem('media.codec');
  return track;
}

async function* picturesAt(
  track: InputVideoTrack,
  ticks: readonly number[],
  times: readonly number[],
): AsyncGenerator<{ tick: number; luma: Luma }> {
  let at = 0;
  let shown: { timestamp: number; luma: Luma } | undefined;
  try {
    for await (const sample of new VideoSampleSink(track).samplesAtTimestamps(times)) {
      const tick = ticks[at++];
      if (sample === null || tick === undefined) continue;
      try {
        // A picture that stands still is read once.
        if (shown?.timestamp !== sample.timestamp) {
          shown = { timestamp: sample.timestamp, luma: await lumaOf(sample) };
        }
      } finally {
        sample.close();
      }
      yield { tick, luma: shown.luma };
    }
  } catch (error) {
    // What could be decoded up to a damaged place counts, as on the other side; nothing at all does not.
    if (shown === undefined) throw error instanceof Problem ? error : new Problem('media.damaged');
  }
}

async function lumaOf(sample: VideoSample): Promise<Luma> {
  const format = LUMA_FIRST.exec(sample.format ?? '');
  if (format === null) return { pixels: lumaOfColours(sample), fullRange: true };
  const bits = Number(format[1] ?? 8);
  const planes = new Uint8Array(sample.allocationSize());
  const [layout] = await sample.copyTo(planes);
  if (layout === undefined) throw new Problem('media.damaged');
  const { width, height } = sample.visibleRect;
  const pixels = { width, height, data: new Uint8Array(width * height) };
  const view = new DataView(planes.buffer);
  for (let y = 0, to = 0; y < height; y++) {
    const from = layout.offset + y * layout.stride;
    if (bits === 8) {
      pixels.data.set(planes.subarray(from, from + width), y * width);
    } else {
      for (let x = 0; x < width; x++) pixels.data[to++] = view.getUint16(from + 2 * x, true) >> (bits - 8);
    }
  }
  return { pixels: turned(pixels, sample.rotation / 90), fullRange: sample.colorSpace.fullRange === true };
}

/** For pictures that the decoder keeps to itself: through a canvas, upright. */
function lumaOfColours(sample: VideoSample): GreyPixels {
  const [width, height] = [sample.displayWidth, sample.displayHeight];
  const context = new OffscreenCanvas(width, height).getContext('2d', { alpha: false, willReadFrequently: true });
  if (context === null) throw new Problem('media.too_large');
  sample.draw(context, 0, 0, width, height);
  return greyOf(context.getImageData(0, 0, width, height));
}

/** Luma of colours, rounded. */
function greyOf({ width, height, data: rgba }: ImageData): GreyPixels {
  const data = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < data.length; i++, at += 4) {
    data[i] = Math.floor(0.299 * (rgba[at] ?? 0) + 0.587 * (rgba[at + 1] ?? 0) + 0.114 * (rgba[at + 2] ?? 0) + 0.5);
  }
  return { width, height, data };
}
