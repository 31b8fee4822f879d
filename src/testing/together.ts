/** The entry of a process that runs several test files: it imports the ones it is told. */
import { pathToFileURL } from 'node:url'

for (const file of process.argv.slice(2)) await import(pathToFileURL(file).href)
