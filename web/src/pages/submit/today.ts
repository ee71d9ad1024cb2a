/** The day that a case is sealed with: nothing finer is ever kept. */
const DAY_LENGTH = 'YYYY-MM-DD'.length;

/** Today in UTC. */
export function today(): string {
  return new Date().toISOString().slice(0, DAY_LENGTH);
}
