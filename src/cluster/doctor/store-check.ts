/** Whether the state of the cluster is sound, and can be written. */
import { parsedProblem, problemFile } from '../store-problem.ts'
import type { Check } from './check.ts'

export const storeCheck: Check = {
  name: 'state',
  about: 'the state is sound and can be written',
  needs: ['cluster'],

  run({ machine, directory }) {
    const found = parsedProblem(machine.readText(problemFile(directory)))
    return found ? [{ problem: found.message, fix: found.next }] : []
  },
}
