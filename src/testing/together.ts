/** The entry of a process that runs several test files: it imports the ones it is told, each into a suite of its own, which keeps its hooks to itself. */
import { describe } from 'node:test'
import { pathToFileURL } from 'node:url'

for (const file of process.argv.slice(2)) {
  describe(file, async () => {
    await import(pathToFileURL(file).href)
  })
}
