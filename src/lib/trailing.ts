/** The ends of texts that strangers wrote. A regular expression such as `x+$` tries anew at each x: its time is the square of the length. */

/** How often `char` stands at the end. */
export function countTrailing(text: string, char: string): number {
  let end = text.length
  while (end > 0 && text[end - 1] === char) end--
  return text.length - end
}

export function withoutTrailing(text: string, char: string): string {
  return text.slice(0, text.length - countTrailing(text, char))
}
