import assert from 'node:assert/strict'
import { test } from 'node:test'
import { array, boolean, duration, integer, list, nextWord, parseCommandLine, text } from './command-line.ts'

const flags = {
  output: text('', { short: 'o' }),
  watch: boolean(false, { short: 'w' }),
  all: boolean(false, { short: 'A' }),
  replicas: integer(1),
  timeout: duration(1000),
  filename: list({ short: 'f' }),
  env: array(),
  'dry-run': text('none', { bare: 'client' }),
} as const

const lines = [
  { it: 'takes flags anywhere', line: 'pods -o wide web', flags: { output: 'wide' }, args: ['pods', 'web'] },
  { it: 'takes a value that sticks to its letter', line: '-owide', flags: { output: 'wide' }, args: [] },
  { it: 'takes letters together', line: '-wAo=json x', flags: { watch: true, all: true, output: 'json' }, args: ['x'] },
  {
    it: 'takes values behind an equals sign',
    line: '--watch=false --replicas=-3',
    flags: { watch: false, replicas: -3 },
    args: [],
  },
  {
    it: 'splits lists at commas, arrays not',
    line: '-f a,b -f c --env A=1,2',
    flags: { filename: ['a', 'b', 'c'], env: ['A=1,2'] },
    args: [],
  },
  { it: 'takes a flag whose value may be left out', line: '--dry-run x', flags: { 'dry-run': 'client' }, args: ['x'] },
  { it: 'reads durations', line: '--timeout 1m30s', flags: { timeout: 90_000 }, args: [] },
]

for (const { it, line, args, flags: wanted } of lines) {
  test(`parseCommandLine() ${it}`, () => {
    const parsed = parseCommandLine(flags, line.split(' '), 'kubectl get')
    assert.deepEqual(parsed.args, args)
    const changed = Object.fromEntries([...parsed.changed].map((name) => [name, parsed.flags[name as keyof typeof flags]]))
    assert.deepEqual(changed, wanted)
  })
}

test('parseCommandLine() leaves what stands behind -- alone, and says where it stood', () => {
  const { args, dash } = parseCommandLine(flags, ['web', '--', 'ls', '-l'], 'kubectl exec')
  assert.deepEqual({ args, dash }, { args: ['web', 'ls', '-l'], dash: 1 })
  assert.equal(parseCommandLine(flags, ['web'], 'kubectl exec').dash, -1)
})

const help = "\nSee 'kubectl get --help' for usage."
const refusals: readonly (readonly [line: string, message: string])[] = [
  ['--nope', `unknown flag: --nope${help}`],
  ['-wx', `unknown shorthand flag: 'x' in -wx${help}`],
  ['--output', `flag needs an argument: --output${help}`],
  ['-o', `flag needs an argument: 'o' in -o${help}`],
  ['-w=x', `invalid argument "x" for "-w, --watch" flag: strconv.ParseBool: parsing "x": invalid syntax${help}`],
  ['--replicas=x', `invalid argument "x" for "--replicas" flag: strconv.ParseInt: parsing "x": invalid syntax${help}`],
]

for (const [line, message] of refusals) {
  test(`parseCommandLine() refuses ${line}`, () => {
    assert.throws(() => parseCommandLine(flags, line.split(' '), 'kubectl get'), { message })
  })
}

test('parseCommandLine() wants required flags', () => {
  const required = { image: text('', { required: true }) }
  assert.throws(() => parseCommandLine(required, [], 'kubectl run'), { message: 'required flag(s) "image" not set' })
})

test('nextWord() steps over flags and their values', () => {
  assert.equal(nextWord(flags, ['-o', 'wide', '--watch', 'get']), 3)
  assert.equal(nextWord(flags, ['-owide', '--output=x', 'get']), 2)
  assert.equal(nextWord(flags, ['--', 'get']), -1)
})
