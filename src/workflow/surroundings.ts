/** What every step of the workflow is handed: time, chance, the terminal's lines, and programs such as git. */
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { Programs } from './programs.ts'

export interface Surroundings {
  readonly clock: Clock
  readonly random: Random
  /** Ctrl-C. What is under way ends; `finally` blocks may still write for a moment. */
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  readonly programs: Programs
  /** Who: stands in releases and in names of one-off pods. */
  readonly user: string
  /** Waits, and keeps the process alive meanwhile. */
  pause(milliseconds: number): Promise<void>
  /** A line on standard output: the answer. */
  print(line: string): void
  /** A line on standard error: progress, warnings. */
  note(line: string): void
}
