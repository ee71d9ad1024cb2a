/**
 * Whether a file is a video, by its first bytes. The same kinds as src/takeback/hashing/video/format.py; what this device
 * can make of them is another question.
 */

const STILL_BRANDS = /^(?:avi[fs]|hei[cxms]|hev[cx]|mif1|msf1)$/;
/** First boxes of QuickTime files from before there was `ftyp`. */
const FIRST_BOXES = /^(?:moov|mdat|wide|free|skip|pnot)$/;
const TS_SYNC = 0x47;
const TS_PACKETS = 4;

/** Whether this begins a file in a container for videos: MP4 and MOV, Matroska and WebM, AVI, MPEG transport stream. */
export function isVideo(head: Uint8Array): boolean {
  const box = text(head, 4, 8);
  if (box === 'ftyp') return !STILL_BRANDS.test(text(head, 8, 12));
  if (FIRST_BOXES.test(box)) return true;
  if ([0x1a, 0x45, 0xdf, 0xa3].every((byte, i) => head[i] === byte)) return true;
  if (text(head, 0, 4) === 'RIFF' && text(head, 8, 12) === 'AVI ') return true;
  return [188, 192, 204].some((size) => isTransportStream(head, size));
}

/** A sync byte at the same place of every packet; 192-byte packets begin with a time of four bytes. */
function isTransportStream(head: Uint8Array, size: number): boolean {
  const start = size === 192 ? 4 : 0;
  return Array.from({ length: TS_PACKETS }, (_, i) => head[start + i * size]).every((byte) => byte === TS_SYNC);
}

function text(head: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...head.subarray(from, to));
}
