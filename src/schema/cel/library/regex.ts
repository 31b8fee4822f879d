/** Regular expressions of RE2, which take time linear in the text, whatever the pattern (re2js). */
import { RE2JS } from 're2js'
import { type Functions, global, member, type Run } from '../declarations.ts'
import { CelFailure } from '../errors.ts'
import { Bool, Int, listOf, Str } from '../type.ts'
import { ArrayList } from '../value.ts'

const matches: Run = ([text, pattern]) => compileRegex(pattern).matcher(text).find()

export const regex: Functions = {
  matches: [global('matches', [Str, Str], Bool, matches), member('matches_string', [Str, Str], Bool, matches)],
  find: [member('string_find_string', [Str, Str], Str, ([text, pattern]) => found(text, pattern, 1)[0] ?? '')],
  findAll: [
    member('string_find_all_string', [Str, Str], listOf(Str), ([text, pattern]) => new ArrayList(found(text, pattern))),
    member('string_find_all_string_int', [Str, Str, Int], listOf(Str), ([text, pattern, limit]) => {
      return new ArrayList(found(text, pattern, limit < 0n ? undefined : Number(limit)))
    }),
  ],
}

const compiled = new Map<string, RE2JS>()
const mostCompiled = 500

/** Throws CelFailure with RE2's complaint. The same few patterns come again and again; a full cache is dropped whole. */
export function compileRegex(pattern: string): RE2JS {
  const known = compiled.get(pattern)
  if (known) return known
  let made: RE2JS
  try {
    made = RE2JS.compile(pattern)
  } catch (error) {
    throw new CelFailure((error as Error).message)
  }
  if (compiled.size >= mostCompiled) compiled.clear()
  compiled.set(pattern, made)
  return made
}

function found(text: string, pattern: string, limit?: number): string[] {
  const matcher = compileRegex(pattern).matcher(text)
  const all: string[] = []
  while ((limit === undefined || all.length < limit) && matcher.find()) all.push(matcher.group() ?? '')
  return all
}
