/** The wall, one's own last picture, and the picture that is about to be posted. */
import { fetchWall, postPhoto, uploadState } from '../../api/wall.ts';
import { Problem } from '../../core/problem.ts';
import type { Upload, WallPhoto } from '../../core/wall_wire.ts';

const POLL_EVERY_MS = 2000;

export class Wall {
  photos = $state.raw<readonly WallPhoto[]>([]);
  isLoaded = $state(false);
  mine = $state.raw<Upload | undefined>();
  isPosting = $state(false);
  problem = $state<string | undefined>();
  nowS = $state(Math.floor(Date.now() / 1000));

  /** Look for news every few seconds; returns how to stop. */
  watch(): () => void {
    void this.#look();
    const timer = window.setInterval(() => {
      if (!document.hidden) void this.#look();
    }, POLL_EVERY_MS);
    return () => {
      window.clearInterval(timer);
    };
  }

  /** Post a picture; whether it was taken. */
  async post(photo: Blob): Promise<boolean> {
    this.isPosting = true;
    this.problem = undefined;
    try {
      this.mine = await postPhoto(photo);
      await this.#look();
      return true;
    } catch (error) {
      this.problem = error instanceof Problem ? error.code : 'other';
      return false;
    } finally {
      this.isPosting = false;
    }
  }

  async #look(): Promise<void> {
    const own = this.mine;
    try {
      const [photos, mine] = await Promise.all([fetchWall(), own === undefined ? undefined : uploadState(own.id)]);
      this.photos = photos;
      if (mine !== undefined && mine.id === this.mine?.id) this.mine = mine;
      this.isLoaded = true;
      this.nowS = Math.floor(Date.now() / 1000);
      if (this.problem === 'network.offline' && !this.isPosting) this.problem = undefined;
    } catch (error) {
      if (error instanceof Problem && error.code === 'network.offline') this.problem = error.code;
    }
  }
}
