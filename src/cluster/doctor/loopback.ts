/** Whether the loopback interface is up: everything on a node reaches the API server through it. */
import type { Check } from './check.ts'

export const loopback: Check = {
  name: 'loopback',
  about: 'the interface behind 127.0.0.1',

  async run({ machine }) {
    const { code, stdout } = await machine.run('ip', ['-o', 'link', 'show', 'lo'])
    if (code !== 0 || /<[^>]*\bUP\b[^>]*>/.test(stdout)) return []
    return [
      {
        problem: 'The interface lo is down, so nothing reaches 127.0.0.1. New network namespaces begin that way.',
        fix: ['ip link set lo up'],
      },
    ]
  },
}
