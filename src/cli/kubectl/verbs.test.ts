import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCommandLine } from './command-line.ts'
import { globalFlags } from './global-flags.ts'
import type { Verb, Verbs } from './verb.ts'
import { closest, verbs } from './verbs.ts'

interface Found {
  readonly words: string
  readonly verb: Verb
}

async function all(below: Verbs, prefix = ''): Promise<Found[]> {
  const found: Found[] = []
  for (const [name, load] of Object.entries(below)) {
    const { default: verb } = await load()
    found.push({ words: `${prefix}${name}`, verb })
    if (verb.verbs) found.push(...(await all(verb.verbs, `${prefix}${name} `)))
  }
  return found
}

const found = await all(verbs)

for (const { words, verb } of found) {
  test(`kubectl ${words}: does something or leads on, and its examples parse`, () => {
    assert(verb.run || verb.verbs, 'it has neither run nor verbs')
    assert.match(verb.summary, /^[A-Z].*[^.]$/)
    for (const example of verb.examples ?? []) {
      const [first = '', ...rest] = wordsOf(example)
      const named = found.filter((one) => `${example} `.startsWith(`${one.words} `)).at(-1)
      assert(named, `${example} names no command`)
      assert(Object.hasOwn(verbs, first), `${first} is no command`)
      parseCommandLine({ ...globalFlags, ...named.verb.flags }, rest, `kubectl ${named.words}`)
    }
  })
}

function wordsOf(line: string): string[] {
  return line.match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g) ?? []
}

test('closest() names commands that a word may have meant', () => {
  assert.deepEqual(closest('gte'), ['get'])
  assert.deepEqual(closest('desc'), ['describe'])
  assert.deepEqual(closest('frobnicate'), [])
})
