/** `KEY=VALUE`, `KEY-` and `-`, the words with which `kubectl set env` changes variables. */
import { isEnvVarName } from '#schema/formats.ts'
import { KubectlError } from '../errors.ts'
import { collect, type Json } from '../session.ts'

export interface EnvArguments {
  readonly set: readonly Json[]
  readonly remove: readonly string[]
}

export function isEnvArgument(word: string): boolean {
  return /^.+=.*$/ms.test(word) || word.endsWith('-')
}

/** `-` stands for the lines of standard input. */
export async function parseEnv(words: readonly string[], stdin: unknown): Promise<EnvArguments> {
  const set: Json[] = []
  const remove: string[] = []
  const named = new Set<string>()
  for (const word of words) {
    if (word === '-') set.push(...linesOf((await collect(stdin as AsyncIterable<Uint8Array>)).toString()))
    else if (word.includes('=')) {
      const variable = variableOf(word)
      const errors = isEnvVarName(variable.name)
      if (errors.length > 0)
        throw new KubectlError(`${JSON.stringify(variable.name)} is not a valid key name: ${errors.join(';')}`)
      named.add(variable.name)
      set.push(variable)
    } else if (word.endsWith('-')) remove.push(word.slice(0, -1))
    else throw new KubectlError(`unknown environment variable: ${word}`)
  }
  if (remove.some((name) => named.has(name))) {
    throw new KubectlError('can not both modify and remove the same environment variable in the same command')
  }
  return { set, remove }
}

function linesOf(text: string): Json[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, ''))
    .filter((line) => line.includes('='))
    .map(variableOf)
}

function variableOf(word: string): { name: string; value?: string } {
  const equals = word.indexOf('=')
  const value = word.slice(equals + 1)
  return { name: word.slice(0, equals), ...(value && { value }) }
}
