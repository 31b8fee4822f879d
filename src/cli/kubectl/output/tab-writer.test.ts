import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TabWriter, tableWriter } from './tab-writer.ts'

function written(lines: string, options = { padding: 2 }): string {
  let text = ''
  const writer = new TabWriter((part) => (text += part), options)
  writer.write(lines)
  writer.flush()
  return text
}

test('TabWriter aligns the cells of lines that stand together', () => {
  assert.equal(written('a\tb\nlonger\tc\n'), 'a       b\nlonger  c\n')
})

test('TabWriter begins a new column where a line has no such cell', () => {
  assert.equal(written('a\tb\tc\nlong\tx\nlonger\ty\tz\n'), 'a       b  c\nlong    x\nlonger  y  z\n')
  assert.equal(written('Name:\tx\nno cell\nLonger name:\ty\n'), 'Name:  x\nno cell\nLonger name:  y\n')
})

test('TabWriter counts letters, not bytes', () => {
  assert.equal(written('ä\tb\nxx\tc\n'), 'ä   b\nxx  c\n')
})

test('tableWriter() keeps columns as wide as they have been', () => {
  let text = ''
  const writer = tableWriter((part) => {
    text += part
  })
  writer.write('a-long-name\t1\n')
  writer.flush()
  writer.write('b\t2\n')
  writer.flush()
  writer.forget()
  writer.write('b\t3\n')
  writer.flush()
  assert.equal(text, 'a-long-name   1\nb             2\nb     3\n')
})
