import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineCommand, help, parse } from './command.ts'

const command = defineCommand({
  summary: 'do it',
  usage: 'staging deploy TAG',
  examples: ['staging deploy 1'],
  flags: {
    'source-file': { type: 'string', short: 's', also: '-sf', doc: '' },
    follow: { type: 'boolean', short: 'f', doc: '' },
    profiling: { type: 'string', alone: 'true', doc: '' },
  },
  run: async () => {},
})

test('parse() takes a further word for a flag, which is no cluster of short ones', () => {
  assert.equal(parse(command, ['-sf', 'a.yml']).flags['source-file'], 'a.yml')
  const { args, rest } = parse(command, ['x', '--', '-sf'])
  assert.deepEqual([args, rest], [['x'], ['-sf']])
  assert.throws(() => parse(command, ['--nothing']), { exitCode: 2 })
})

test('parse() takes a flag that stands alone, and a boolean behind it', () => {
  const of = (...words: string[]) => {
    const { flags, args } = parse(command, words)
    return [flags.profiling, args]
  }
  assert.deepEqual(of('--profiling', 'x'), ['true', ['x']])
  assert.deepEqual(of('--profiling'), ['true', []])
  assert.deepEqual(of('--profiling', 'false'), ['false', []])
  assert.deepEqual(of('--profiling=false', 'x'), ['false', ['x']])
})

for (const [name, usage] of [
  [undefined, 'staging deploy TAG'],
  ['staging deploy', 'staging deploy TAG'],
  ['production deploy', 'production deploy TAG'],
  ['review_app deploy', 'review_app deploy NAME TAG'],
  ['staging restart', 'staging restart'],
] as const) {
  test(`help() of ${name ?? 'the command'} says how that is typed`, () => {
    assert(help(command, name).startsWith(`nami ${usage}\n`), help(command, name).split('\n')[0])
  })
}
