/** What a filter is. */
import type { Arguments } from './values.ts'

/** What a filter may ask of the engine: other filters and tests by name. */
export interface Engine {
  filter(name: string, value: unknown, args: Arguments): unknown
  test(name: string, value: unknown, args: readonly unknown[]): boolean
}

export type Filter = (value: unknown, args: Arguments, engine: Engine) => unknown

/** An argument by its position or its name. */
export function argument({ list, named }: Arguments, position: number, name: string): unknown {
  return position < list.length ? list[position] : named.get(name)
}
