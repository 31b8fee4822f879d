/** Aligned columns as Go's text/tabwriter makes them; cells end in a tab, the last cell of a line belongs to no column. */

export interface TabWriterOptions {
  readonly minWidth?: number
  readonly padding?: number
  /** Columns never get narrower from one flush to the next (github.com/liggitt/tabwriter). */
  readonly remember?: boolean
}

/** The one that tables of kubectl use. */
export function tableWriter(write: (text: string) => void): TabWriter {
  return new TabWriter(write, { minWidth: 6, padding: 3, remember: true })
}

export class TabWriter {
  readonly #write: (text: string) => void
  readonly #options: Required<TabWriterOptions>
  #pending = ''
  #remembered: number[] = []

  constructor(write: (text: string) => void, { minWidth = 0, padding = 0, remember = false }: TabWriterOptions = {}) {
    this.#write = write
    this.#options = { minWidth, padding, remember }
  }

  write(text: string): void {
    this.#pending += text
  }

  flush(): void {
    if (this.#pending === '') return
    const lines = this.#pending.split('\n').map((line) => line.split('\t'))
    this.#pending = ''
    const text: string[] = []
    this.#format(lines, { from: 0, to: lines.length }, [], text)
    this.#write(text.join('\n'))
  }

  forget(): void {
    this.#remembered = []
  }

  /** Lays out one block of lines whose first `widths.length` columns are known. */
  #format(lines: string[][], { from, to }: { from: number; to: number }, widths: readonly number[], text: string[]): void {
    const column = widths.length
    let start = from
    for (let at = from; at < to; ) {
      if (column >= (lines[at] as string[]).length - 1) {
        at++
        continue
      }
      for (; start < at; start++) text.push(lineOf(lines[start] as string[], widths))
      let end = at
      let width = this.#options.minWidth
      for (; end < to && column < (lines[end] as string[]).length - 1; end++) {
        width = Math.max(width, lengthOf((lines[end] as string[])[column] as string) + this.#options.padding)
      }
      if (this.#options.remember) {
        width = Math.max(width, this.#remembered[column] ?? 0)
        this.#remembered[column] = width
      }
      this.#format(lines, { from: at, to: end }, [...widths, width], text)
      start = end
      at = end
    }
    for (; start < to; start++) text.push(lineOf(lines[start] as string[], widths))
  }
}

function lineOf(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, at) => (at < widths.length ? cell + ' '.repeat(Math.max(0, (widths[at] as number) - lengthOf(cell))) : cell))
    .join('')
}

function lengthOf(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: plain ASCII needs no counting of code points
  return /^[\x00-\x7f]*$/.test(text) ? text.length : [...text].length
}
