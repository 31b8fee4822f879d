import assert from 'node:assert/strict'
import { test } from 'node:test'
import { indent, wrapWords } from './wrap-words.ts'

const cases: [string, string, number, string][] = [
  ['leaves short lines alone', 'one two', 10, 'one two'],
  ['fills a line to its edge', 'aaaa bbbbb', 10, 'aaaa bbbbb'],
  ['breaks at spaces, which vanish', 'aaaa   bbbbbb', 10, 'aaaa\nbbbbbb'],
  ['keeps line feeds', 'a\n\nb\n', 10, 'a\n\nb\n'],
  ['keeps spaces in front of a line', '  a b', 10, '  a b'],
  ['moves a long word to a line of its own, and does not cut it', 'aaaa bbbbbbbbbbbb cc', 10, 'aaaa\nbbbbbbbbbbbb\ncc'],
  ['keeps a word on the line that it just begins on', 'aaaaaaaaa bbbbbbbbbbbb', 10, 'aaaaaaaaa\nbbbbbbbbbbbb'],
  ['counts letters, not bytes', 'ääää öööö', 9, 'ääää öööö'],
]
for (const [what, text, width, want] of cases) {
  test(`wrapWords() ${what}`, () => assert.equal(wrapWords(text, width), want))
}

test('indent() puts spaces before every line', () => assert.equal(indent(2, 'a\n\nb'), '  a\n  \n  b'))
