/** `${NAME}` in Compose files (compose-spec `12-interpolation.md`): defaults, alternatives, required values, `$$`. */
import { WorkflowError } from '../workflow-error.ts'

export type Variables = Readonly<Record<string, string | undefined>>

/** Throws where a required variable is missing, with its message. Unset ones are empty; `onMissing` is told of them. */
export function interpolate(text: string, variables: Variables, onMissing: (name: string) => void = () => {}): string {
  let result = ''
  for (let i = 0; i < text.length; ) {
    const dollar = text.indexOf('$', i)
    if (dollar < 0) return result + text.slice(i)
    result += text.slice(i, dollar)
    if (text[dollar + 1] === '$') {
      result += '$'
      i = dollar + 2
    } else if (text[dollar + 1] === '{') {
      const end = closing(text, dollar + 2)
      result += braced(text.slice(dollar + 2, end), { variables, onMissing, whole: text })
      i = end + 1
    } else {
      const name = /^[A-Za-z_]\w*/.exec(text.slice(dollar + 1))?.[0]
      if (!name) throw new WorkflowError(`Invalid interpolation format in ${JSON.stringify(text)}: write $$ for a dollar sign.`)
      result += textOf(name, variables, onMissing)
      i = dollar + 1 + name.length
    }
  }
  return result
}

function closing(text: string, from: number): number {
  let depth = 1
  for (let i = from; i < text.length; i++) {
    if (text.startsWith('${', i)) depth++
    if (text[i] === '}' && --depth === 0) return i
  }
  throw new WorkflowError(`Invalid interpolation format in ${JSON.stringify(text)}: "}" is missing.`)
}

interface Rest {
  readonly variables: Variables
  readonly onMissing: (name: string) => void
  readonly whole: string
}

function braced(inner: string, { variables, onMissing, whole }: Rest): string {
  const [, name, operator = '', rest = ''] = /^([A-Za-z_]\w*)(?:(:?[-?+])(.*))?$/s.exec(inner) ?? []
  if (!name) throw new WorkflowError(`Invalid interpolation format in ${JSON.stringify(whole)}.`)
  const value = variables[name]
  const isSet = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined
  const other = () => interpolate(rest, variables, onMissing)
  switch (operator.at(-1)) {
    case '-':
      return isSet ? (value as string) : other()
    case '+':
      return isSet ? other() : ''
    case '?':
      if (isSet) return value as string
      throw new WorkflowError(`required variable ${name} is missing a value${rest ? `: ${other()}` : ''}`)
    default:
      return textOf(name, variables, onMissing)
  }
}

function textOf(name: string, variables: Variables, onMissing: (name: string) => void): string {
  const value = variables[name]
  if (value === undefined) onMissing(name)
  return value ?? ''
}
