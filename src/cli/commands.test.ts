import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type Command, help, parse } from './command.ts'
import { commands } from './commands.ts'

const loaded = await Promise.all(
  Object.entries(commands).map(async ([name, { load }]) => ({ name, load, command: (await load()).default })),
)

test('commands and the folder agree', () => {
  const folder = new URL('./commands/', import.meta.url)
  const files = globSync('**/*.ts', { cwd: folder.pathname }).filter(
    (file) => !file.endsWith('.test.ts') && readFileSync(new URL(file, folder), 'utf8').includes('export default'),
  )
  const listed = readFileSync(new URL('./commands.ts', import.meta.url), 'utf8')
  const imported = [...listed.matchAll(/import\('\.\/commands\/(.+?)'\)/g)].map(([, file = '']) => file)
  assert.deepEqual([...new Set(imported)].sort(), files.sort())
})

for (const { name, command } of loaded) {
  test(`nami ${name}: its usage begins with its name, and its examples parse`, () => {
    const names = namesOf(command)
    assert(names.includes(name))
    assert(
      names.some((one) => command.usage === one || command.usage.startsWith(`${one} `)),
      command.usage,
    )
    assert.match(command.summary, /^[a-z].*[^.]$/)
    assert(command.examples.length > 0)
    for (const example of command.examples) {
      const own = names.find((one) => example === one || example.startsWith(`${one} `))
      assert(own, `${example} is about another command`)
      parse(command, example.slice(own.length).split(' ').filter(Boolean))
    }
    assert(help(command).startsWith(`nami ${command.usage}\n`))
  })
}

/** A command may be listed under several names. */
function namesOf(command: Command): string[] {
  return loaded.filter((one) => one.command === command).map(({ name }) => name)
}
