import assert from 'node:assert/strict'
import { appendFileSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { MemoryRuntime } from '../cri/memory-runtime.ts'
import { containerConfig, sandboxConfig } from '../cri/test-configs.ts'
import { parseLogOptions } from './container-logs.ts'
import { fixedTimestamp, parseLogLine } from './log-line.ts'
import { type LogOptions, readLogs } from './log-reader.ts'
import { rotateAll } from './log-rotation.ts'

const sample = `2026-01-01T00:00:01.5Z stdout F one
2026-01-01T00:00:02.000000001Z stderr F two
2026-01-01T00:00:03Z stdout P thr
2026-01-01T00:00:03.1Z stdout F ee
not a log line
2026-01-01T00:00:04Z stdout F four
`

async function read(file: string, options: LogOptions = {}): Promise<string> {
  const parts: Buffer[] = []
  const signal = new AbortController().signal
  await readLogs(file, options, {
    clock: systemClock,
    signal,
    write: (chunk) => void parts.push(chunk),
    isRunning: async () => false,
  })
  return Buffer.concat(parts).toString()
}

const cases: { it: string; options: LogOptions; text: string }[] = [
  { it: 'joins broken lines', options: {}, text: 'one\ntwo\nthree\nfour\n' },
  { it: 'takes the last lines of the file', options: { tailLines: 2 }, text: 'four\n' },
  { it: 'takes more lines than there are', options: { tailLines: 100 }, text: 'one\ntwo\nthree\nfour\n' },
  { it: 'takes no lines', options: { tailLines: 0 }, text: '' },
  { it: 'stops at the limit', options: { limitBytes: 6 }, text: 'one\ntw' },
  { it: 'leaves out what is older', options: { since: Date.UTC(2026, 0, 1, 0, 0, 3) }, text: 'three\nfour\n' },
  { it: 'takes one stream', options: { stream: 'stderr' }, text: 'two\n' },
  {
    it: 'prints times once a line, with nine decimals',
    options: { timestamps: true, tailLines: 4 },
    text: '2026-01-01T00:00:03.000000000Z three\n2026-01-01T00:00:04.000000000Z four\n',
  },
]

for (const { it, options, text } of cases) {
  test(`readLogs() ${it}`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nami-logs-'))
    try {
      writeFileSync(join(directory, '0.log'), sample)
      assert.equal(await read(join(directory, '0.log'), options), text)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
}

test('readLogs() reads files larger than a chunk, and lines across chunks', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nami-logs-'))
  try {
    const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i} ${'x'.repeat(i % 50)}`)
    writeFileSync(join(directory, '0.log'), lines.map((line) => `2026-01-01T00:00:00Z stdout F ${line}\n`).join(''))
    assert.equal(await read(join(directory, '0.log')), `${lines.join('\n')}\n`)
    assert.equal(await read(join(directory, '0.log'), { tailLines: 5000 }), `${lines.slice(-5000).join('\n')}\n`)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('readLogs() follows through a rotation until the container ends', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nami-logs-'))
  const file = join(directory, '0.log')
  writeFileSync(file, '2026-01-01T00:00:00Z stdout F one\n')
  let text = ''
  let running = true
  const steps: [string, () => void][] = [
    ['one\n', () => appendFileSync(file, '2026-01-01T00:00:00Z stdout F tw')],
    ['one\n', () => appendFileSync(file, 'o\n')],
    [
      'one\ntwo\n',
      () => {
        appendFileSync(file, '2026-01-01T00:00:00Z stdout F three\n')
        renameSync(file, `${file}.1`)
        writeFileSync(file, '2026-01-01T00:00:00Z stdout F four\n')
      },
    ],
    [
      'one\ntwo\nthree\nfour\n',
      () => {
        appendFileSync(file, '2026-01-01T00:00:00Z stdout F five')
        running = false
      },
    ],
  ]
  const isRunning = async () => {
    const step = steps[0]
    if (step && step[0] === text) {
      steps.shift()
      step[1]()
    }
    return running
  }
  try {
    const write = (chunk: Buffer) => {
      text += chunk.toString()
    }
    await readLogs(file, { follow: true }, { clock: systemClock, signal: new AbortController().signal, write, isRunning })
    assert.equal(text, 'one\ntwo\nthree\nfour\nfive')
  } finally {
    rmSync(directory, { recursive: true })
  }
})

const badLines = [
  ['x', 'timestamp is not found'],
  ['2026-01-01T00:00:00Z', 'timestamp is not found'],
  ['2026-01-01T00:00:00Z stdout', 'stream type is not found'],
  ['2026-01-01T00:00:00Z stdlog F x', 'unexpected stream type "stdlog"'],
  ['2026-01-01T00:00:00Z stdout x', 'log tag is not found'],
] as const

for (const [line, message] of badLines) {
  test(`parseLogLine() refuses: ${message}`, () => assert.throws(() => parseLogLine(Buffer.from(line)), { message }))
}

test('fixedTimestamp() pads decimals and keeps the zone', () => {
  assert.equal(fixedTimestamp('2026-01-01T00:00:00Z'), '2026-01-01T00:00:00.000000000Z')
  assert.equal(fixedTimestamp('2026-01-01T00:00:00.12+02:00'), '2026-01-01T00:00:00.120000000+02:00')
})

test('parseLogOptions() reads the query and refuses nonsense', () => {
  const now = Date.UTC(2026, 0, 1)
  const options = parseLogOptions(new URLSearchParams('follow=true&tailLines=3&sinceSeconds=10&previous=false'), now)
  assert.deepEqual(options, { follow: true, timestamps: false, previous: false, tailLines: 3, since: now - 10_000 })
  assert.throws(() => parseLogOptions(new URLSearchParams('tailLines=x'), now), { code: 400 })
  assert.throws(() => parseLogOptions(new URLSearchParams('tailLines=-1'), now), { code: 422 })
})

test('rotateAll() renames, reopens, compresses and keeps five files', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nami-logs-'))
  try {
    const clock = new VirtualClock()
    const runtime = new MemoryRuntime({ clock })
    runtime.addImage('app:1')
    const config = sandboxConfig('web', { logDirectory: directory })
    const sandbox = await runtime.runPodSandbox(config)
    const id = await runtime.createContainer(sandbox, containerConfig('app', { image: 'app:1', logPath: '0.log' }), config)
    await runtime.startContainer(id)
    const file = join(directory, '0.log')
    for (let round = 0; round < 7; round++) {
      writeFileSync(file, 'x'.repeat(100))
      await rotateAll({ runtime, clock, maxSize: 100 })
      assert.equal(existsSync(file), false)
      clock.advanceTo(clock.now() + 1000)
    }
    const names = readdirSync(directory).toSorted()
    assert.deepEqual(names, [
      '0.log.20260101-000003.gz',
      '0.log.20260101-000004.gz',
      '0.log.20260101-000005.gz',
      '0.log.20260101-000006',
    ])
    writeFileSync(file, 'x'.repeat(100))
    runtime.fail('reopenContainerLog', 'no')
    await rotateAll({ runtime, clock, maxSize: 100 })
    assert(existsSync(file), 'a log that could not be reopened keeps its name')
  } finally {
    rmSync(directory, { recursive: true })
  }
})
