/**
 * A video element that nobody sees, for devices whose workers cannot decode videos: it shows a picture at a time, and
 * the page reads its grey values. It plays nothing, makes no sound and is gone when the work is done.
 */
import type { PlayerAnswer, PlayerWish } from '../../worker/messages.ts';

/** Just behind the beginning of a picture: an element that is asked for the exact time may show the one before. */
const LATE_S = 0.005;
const LONG_SIDE_PX = 512;
/** An element that has said nothing for so long will not. */
const PATIENCE_MS = 10_000;

/** Where no new picture is shown, it is the one before that stands still. A busy device shows late. */
const SETTLE_MS = 300;

/** What a wish comes to, without the number of the question. */
type Answer = Omit<PlayerAnswer, 'ask'>;

export class Player {
  readonly #file: Blob;
  #url: string | undefined;
  #video: HTMLVideoElement | undefined;

  constructor(file: Blob) {
    this.#file = file;
  }

  /** Fulfil a wish; an answer with nothing in it where that is not possible. */
  async fulfil(wish: PlayerWish): Promise<Answer> {
    switch (wish.want) {
      case 'duration':
        return this.#open();
      case 'picture':
        return this.#pictureAt(wish.atS + LATE_S);
      case 'end':
        this.close();
        return {};
    }
  }

  /** Let go of the file. May be called twice. */
  close(): void {
    this.#video?.removeAttribute('src');
    this.#video?.load();
    this.#video = undefined;
    if (this.#url !== undefined) URL.revokeObjectURL(this.#url);
    this.#url = undefined;
  }

  async #open(): Promise<Answer> {
    const video = document.createElement('video');
    video.muted = true;
    video.playsInline = true;
    video.preload = 'auto';
    this.#video = video;
    this.#url = URL.createObjectURL(this.#file);
    video.src = this.#url;
    const isLoaded = await happened(video, 'loadeddata');
    if (isLoaded && Number.isFinite(video.duration) && video.videoWidth > 0) return { durationS: video.duration };
    this.close();
    return {};
  }

  async #pictureAt(timeS: number): Promise<Answer> {
    const video = this.#video;
    if (video === undefined) return {};
    const [sought, shown] = [happened(video, 'seeked'), newPicture(video)];
    video.currentTime = Math.min(timeS, video.duration);
    if (!(await sought)) return {};
    await Promise.race([shown, passed(SETTLE_MS)]);
    return { picture: greyPicture(video) };
  }
}

/** When the element shows another picture: `seeked` comes before that on a busy device. At once where nobody says so. */
function newPicture(video: HTMLVideoElement): Promise<void> {
  return new Promise((resolve) => {
    if ('requestVideoFrameCallback' in video) {
      video.requestVideoFrameCallback(() => {
        resolve();
      });
    } else {
      resolve();
    }
  });
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => window.setTimeout(resolve, ms));
}

/** Whether an event came before an error, or at all. */
function happened(video: HTMLVideoElement, event: 'loadeddata' | 'seeked'): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (came: boolean) => {
      window.clearTimeout(timer);
      video.removeEventListener(event, onEvent);
      video.removeEventListener('error', onError);
      resolve(came);
    };
    const onEvent = () => {
      end(true);
    };
    const onError = () => {
      end(false);
    };
    const timer = window.setTimeout(onError, PATIENCE_MS);
    video.addEventListener(event, onEvent);
    video.addEventListener('error', onError);
  });
}

function greyPicture(video: HTMLVideoElement): NonNullable<Answer['picture']> {
  const scale = Math.min(1, LONG_SIDE_PX / Math.max(video.videoWidth, video.videoHeight));
  const width = Math.max(1, Math.round(video.videoWidth * scale));
  const height = Math.max(1, Math.round(video.videoHeight * scale));
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  context?.drawImage(video, 0, 0, width, height);
  const rgba = context?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray(4 * width * height);
  const data = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < data.length; i++, at += 4) {
    data[i] = Math.round(0.299 * (rgba[at] ?? 0) + 0.587 * (rgba[at + 1] ?? 0) + 0.114 * (rgba[at + 2] ?? 0));
  }
  return { width, height, data };
}
