import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEnvFile } from './env-file.ts'

const files: [text: string, want: string | RegExp][] = [
  ["KEY='value'", 'value'],
  ["# first\n\n  KEY='a # b' # c\n", 'a # b'],
  ["A='1'\r\nKEY='2'\r\n", '2'],
  ["KEY='one\ntwo'\n", 'one\ntwo'],
  ["KEY='$(X) \\n'", '$(X) \\n'],
  ["KEY='first'\nKEY='second'", 'first'],
  ["KEY= 'value'", ''],
  ["A='1'", ''],
  ["KEY='value'\nnonsense", 'value'],
  ['KEY', /at line 1: missing '='/],
  ["\n='x'", /at line 2: empty variable name/],
  ["KEY ='x'", /at line 1: whitespace before '=' is not allowed/],
  ['KEY=x', /at line 1: value must be enclosed in single quotes/],
  ["KEY='x' y", /at line 1: unexpected content after closing quote/],
  ["A='1'\nKEY='x\ny", /starting at line 2: unclosed single quote/],
]

for (const [text, want] of files) {
  test(`parseEnvFile() of ${JSON.stringify(text)}`, () => {
    if (typeof want === 'string') assert.equal(parseEnvFile(text, 'KEY'), want)
    else assert.throws(() => parseEnvFile(text, 'KEY'), want)
  })
}
