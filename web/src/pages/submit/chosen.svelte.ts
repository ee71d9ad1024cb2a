/** What the person chose: files without their names, whom they show, and what came of each. */
import { MAX_PICTURES } from '../../core/sealing.ts';
import type { PictureFingerprints } from '../../core/fingerprint.ts';
import type { About } from '../../core/wire.ts';
import type { Device } from './device.ts';
import { isReady, withoutTwins, type Outcome, type Picture } from './pictures.ts';
import { codeOf } from '../../core/problem.ts';

export class Chosen {
  pictures = $state.raw<readonly Picture[]>([]);
  /** How many files of the last choice were beyond the limit. */
  leftOut = $state(0);
  /** Whether cropped and edited copies are to be found too, at the price of saying more about each picture. */
  editedCopies = $state(true);
  /** Whom the pictures are about, if that was said. */
  about = $state<About | undefined>();
  outcomes = $state.raw<readonly Outcome[]>([]);
  /** Which picture is worked on, from 1, and how far all of them are together, 0 to 1. */
  current = $state(1);
  share = $state(0);
  /** How many pictures go at one time. */
  readonly limit = MAX_PICTURES;
  readonly #device: Device;

  constructor(device: Device) {
    this.#device = device;
  }

  /** Take in chosen files; those beyond what one case can hold are left out. */
  add(files: readonly Blob[]): void {
    const room = MAX_PICTURES - this.pictures.length;
    this.leftOut = Math.max(0, files.length - room);
    this.#renumber([...this.pictures.map(({ file }) => file), ...files.slice(0, room)]);
  }

  remove(number: number): void {
    this.leftOut = 0;
    this.#renumber(this.pictures.filter((picture) => picture.number !== number).map(({ file }) => file));
  }

  chooseEditedCopies(on: boolean): void {
    this.editedCopies = on;
    this.outcomes = []; // what was made before was made for another choice
  }

  /** Forget the files; what else was chosen stays. */
  forgetPictures(): void {
    this.leftOut = 0;
    this.#renumber([]);
  }

  /** Forget all of it. */
  forget(): void {
    this.forgetPictures();
    this.editedCopies = true;
    this.about = undefined;
  }

  /**
   * Fingerprint all pictures, one after the other: two decoded at once could be too much for a phone.
   *
   * @returns whether they are done; not if `isWanted` said no.
   */
  async fingerprint(isWanted: () => boolean): Promise<boolean> {
    const outcomes: Outcome[] = [];
    this.share = 0;
    for (const picture of this.pictures) {
      this.current = picture.number;
      outcomes.push(await this.#outcomeOf(picture));
      if (!isWanted()) return false;
    }
    this.outcomes = withoutTwins(outcomes);
    // A browser may remember that code could not be fetched; a new worker asks anew.
    if (outcomes.some((outcome) => !isReady(outcome) && outcome.problem === 'code.missing')) this.#device.stop();
    return true;
  }

  /** What can be sealed. */
  fingerprints(): PictureFingerprints[] {
    return this.outcomes.filter(isReady).map(({ picture, fingerprints }) => ({ file: picture.number, fingerprints }));
  }

  async #outcomeOf(picture: Picture): Promise<Outcome> {
    const total = this.pictures.length;
    const onShare = (share: number) => {
      this.share = (picture.number - 1 + share) / total;
    };
    try {
      const input = { file: picture.file, editedCopies: this.editedCopies };
      const fingerprints = await this.#device.run('fingerprint', input, onShare);
      return { picture, fingerprints };
    } catch (error) {
      return { picture, problem: codeOf(error) };
    } finally {
      onShare(1);
    }
  }

  #renumber(files: readonly Blob[]): void {
    this.pictures = files.map((file, i) => ({ number: i + 1, file }));
    this.outcomes = [];
    this.share = 0;
  }
}
