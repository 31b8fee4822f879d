/** Progress of long work: a line per step with its time; on a terminal the running step is redrawn in place. */
import type { Clock } from '#lib/clock.ts'

export interface Progress {
  /** Ends the step before and begins another. */
  step(text: string): void
  /** What the running step is at. */
  update(text: string): void
  /** Ends the running step, with a remark. */
  done(remark?: string): void
  /** The running step did not succeed. */
  fail(): void
}

export interface Screen {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}

const clear = '\r\u001b[K'

export function createProgress(screen: Screen, clock: Clock): Progress {
  let running: { readonly text: string; readonly since: number } | undefined

  function draw(remark: string): void {
    if (!screen.isTTY || !running) return
    const line = `  ... ${running.text}${remark && `: ${remark}`}`
    screen.write(`${clear}${line.slice(0, (screen.columns ?? 80) - 1)}`)
  }

  function end(mark: string, remark = ''): void {
    if (!running) return
    const seconds = ((clock.monotonic() - running.since) / 1000).toFixed(1)
    screen.write(`${screen.isTTY ? clear : ''}  ${mark} ${running.text}${remark && `: ${remark}`} (${seconds} s)\n`)
    running = undefined
  }

  return {
    step(text) {
      end('ok ')
      running = { text, since: clock.monotonic() }
      draw('')
    },
    update: draw,
    done: (remark) => end('ok ', remark),
    fail: () => end('no '),
  }
}
