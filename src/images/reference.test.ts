import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normalize } from './reference.ts'

const digest = `sha256:${'a'.repeat(64)}`

const good: readonly [string, string][] = [
  ['redis', 'docker.io/library/redis:latest'],
  ['redis:7', 'docker.io/library/redis:7'],
  ['me/app', 'docker.io/me/app:latest'],
  ['localhost/app:1', 'localhost/app:1'],
  ['localhost:5000/a/b', 'localhost:5000/a/b:latest'],
  [`reg.example.com/a@${digest}`, `reg.example.com/a@${digest}`],
  [`reg.example.com:443/a:v1@${digest}`, `reg.example.com:443/a:v1@${digest}`],
]

for (const [text, whole] of good) test(`normalize() makes ${whole} of ${text}`, () => assert.equal(normalize(text), whole))

const bad = ['', 'App', 'a//b', 'a:', 'a:ta g', 'a@sha256:1', '-a', 'a/../b', 'x'.repeat(300)]

for (const text of bad) {
  test(`parseReference() refuses ${JSON.stringify(text.slice(0, 20))}`, () =>
    assert.throws(() => normalize(text), { code: 'BadReference' }))
}
