import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { bundledMain, inputsFile, type Place } from '../bin/bundled.ts'

const directory = mkdtempSync(join(tmpdir(), 'nami bundle-'))
after(() => rmSync(directory, { recursive: true }))
const place: Place = { root: `${directory}/`, bundle: `${directory}/bundle/` }
const source = join(directory, 'a.ts')
mkdirSync(join(place.bundle, 'inputs'), { recursive: true })
writeFileSync(source, 'one')
const { size, mtimeMs } = statSync(source)
for (const words of [['up'], ['env', 'set']])
  writeFileSync(place.bundle + inputsFile(words), JSON.stringify({ main: 'main.mjs', sources: [['a.ts', size, mtimeMs]] }))
const main = `file://${encodeURI(place.bundle)}main.mjs`

test('bundledMain() finds the longest name of a command', () => {
  assert.equal(bundledMain(['up'], place), main)
  assert.equal(bundledMain(['up', 'folder'], place), main)
  assert.equal(bundledMain(['env', 'set', 'A=1'], place), main)
})

test('bundledMain() finds nothing for what is no command of the bundle', () => {
  for (const argv of [[], ['env'], ['--help'], ['../inputs/up'], ['down']]) assert.equal(bundledMain(argv, place), undefined)
  assert.equal(bundledMain(['up'], { ...place, bundle: '/nowhere/' }), undefined)
})

test('bundledMain() finds nothing once a source has changed or gone', () => {
  utimesSync(source, 1, 1)
  assert.equal(bundledMain(['up'], place), undefined)
  utimesSync(source, mtimeMs / 1000, mtimeMs / 1000)
  writeFileSync(source, 'three')
  assert.equal(bundledMain(['up'], place), undefined)
  rmSync(source)
  assert.equal(bundledMain(['up'], place), undefined)
})
