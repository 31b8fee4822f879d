/** Text in lines of a width, as kubectl breaks it (mitchellh/go-wordwrap). */

const space = /^[\t\v\f\r \u0085\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/

/** Breaks at spaces, which vanish there; words longer than a line stay whole, and line feeds stay. */
export function wrapWords(text: string, width: number): string {
  return text
    .split('\n')
    .map((line) => wrapLine(line, width))
    .join('\n')
}

function wrapLine(line: string, width: number): string {
  let out = ''
  let column = 0
  for (const { gap, word } of piecesOf(line)) {
    const [before, size] = [[...gap].length, [...word].length]
    if (word === '') {
      if (column + before <= width) out += gap
    } else if (column + before + size > width && breaksBefore(column + before, size, width)) {
      out += `\n${word}`
      column = size
    } else {
      out += gap + word
      column += before + size
    }
  }
  return out
}

/** A word is moved to the next line when it crosses the edge while still shorter than a line. */
function breaksBefore(column: number, size: number, width: number): boolean {
  const crossing = width - column + 1
  return Math.max(crossing, 1) <= size && Math.max(crossing, 1) < width
}

/** Words, each with the spaces before it; the last may have spaces alone. */
function piecesOf(line: string): { gap: string; word: string }[] {
  const pieces: { gap: string; word: string }[] = []
  let gap = ''
  let word = ''
  for (const char of line) {
    if (!space.test(char)) word += char
    else {
      if (word) {
        pieces.push({ gap, word })
        gap = ''
        word = ''
      }
      gap += char
    }
  }
  if (gap || word) pieces.push({ gap, word })
  return pieces
}

/** Spaces before every line, also before those with nothing in them. */
export function indent(amount: number, text: string): string {
  const pad = ' '.repeat(amount)
  return pad + text.replaceAll('\n', `\n${pad}`)
}
