import assert from 'node:assert/strict'
import { test } from 'node:test'
import { packageNames } from './debian-packages.ts'

test('packageNames() reads a name a line, once, without comments', () => {
  assert.deepEqual(packageNames('# tools\nlibvips42\n\n  ffmpeg # video\nlibvips42\ng++\n', 'Aptfile'), [
    'libvips42',
    'ffmpeg',
    'g++',
  ])
})

for (const line of [
  '-o Dpkg::Options=x',
  '--force-yes',
  ':repo:deb http://example.com x main',
  'https://example.com/a.deb',
  'a b',
  'A',
]) {
  test(`packageNames() refuses ${line}`, () => {
    assert.throws(
      () => packageNames(`curl\n${line}\n`, 'Aptfile'),
      /^ImageError: Aptfile:2: .*one name of a Debian package a line/,
    )
  })
}
