/** Starts the making of a bundle in the background. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export function makeBundle(): void {
  const words = ['--disable-warning=ExperimentalWarning', fileURLToPath(new URL('./bundle.ts', import.meta.url))]
  spawn(process.execPath, words, { detached: true, stdio: 'ignore' }).unref()
}
