/** A command line as one text, split into words as a shell would: quotes and backslashes, and nothing else. */
import { WorkflowError } from '../workflow-error.ts'

export function splitCommand(text: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string
    if (quote) {
      if (char === quote) quote = ''
      else if (char === '\\' && quote === '"' && /["\\$`]/.test(text[i + 1] ?? '')) word += text[++i] as string
      else word += char
    } else if (char === '"' || char === "'") {
      quote = char
      word ??= ''
    } else if (char === '\\' && i + 1 < text.length) word = (word ?? '') + text[++i]
    else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + char
  }
  if (quote) throw new WorkflowError(`${JSON.stringify(text)}: a ${quote} is not closed.`, { exitCode: 2 })
  if (word !== undefined) words.push(word)
  if (words.length === 0) throw new WorkflowError('The command is empty.', { exitCode: 2 })
  return words
}
