/** The entry of a process that runs several test files: it imports the ones it is told, each into a suite of its own, which keeps its hooks to itself. */
import { type AsyncHook, createHook } from 'node:async_hooks'
import { describe } from 'node:test'
import { pathToFileURL } from 'node:url'

const tracking = trackingOfTests()
for (const event of ['uncaughtException', 'unhandledRejection']) process.on(event, (error) => console.error(error))
const files = process.argv.slice(2)
let left = files.length
for (const file of files) {
  describe(file, async () => {
    try {
      await import(pathToFileURL(file).href)
    } finally {
      if (--left === 0) tracking()?.disable()
    }
  })
}

/**
 * The hook by which `node:test` follows every promise, so as to know in which suite a test is declared, and in which test something is thrown that
 * nobody catches. Once all is declared, a quarter of the time would go into it; what is thrown then fails the run without naming the test.
 */
function trackingOfTests(): () => AsyncHook | undefined {
  let hook: AsyncHook | undefined
  const prototype = Object.getPrototypeOf(createHook({}))
  const { enable } = prototype
  prototype.enable = function (this: AsyncHook) {
    prototype.enable = enable
    hook = this
    return enable.call(this)
  }
  return () => hook
}
