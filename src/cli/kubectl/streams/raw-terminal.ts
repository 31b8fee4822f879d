/** The user's terminal while a program in a container has it: raw, and its size reported. */
import type { Terminal } from '#cli/command.ts'
import type { Sizes } from './remote-command.ts'

type Screen = NodeJS.WritableStream & {
  readonly columns?: number
  readonly rows?: number
  on: NodeJS.EventEmitter['on']
  off: NodeJS.EventEmitter['off']
}

/** The terminal is as before when `use` ends, however it ends. */
export async function withRawTerminal<T>({ stdin, stdout }: Terminal, use: (sizes: Sizes) => Promise<T>): Promise<T> {
  const screen = stdout as unknown as Screen
  stdin.setRawMode?.(true)
  try {
    return await use({
      current: () => (screen.columns && screen.rows ? { Width: screen.columns, Height: screen.rows } : undefined),
      onChange(listener) {
        screen.on('resize', listener)
        return () => void screen.off('resize', listener)
      },
    })
  } finally {
    stdin.setRawMode?.(false)
  }
}
