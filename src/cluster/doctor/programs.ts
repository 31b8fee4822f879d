/** Whether the programs that a node starts are installed. */
import { missingRequirements } from '../provision.ts'
import type { Check } from './check.ts'

export const programs: Check = {
  name: 'programs',
  about: 'containerd, runc, CNI plugins, nft, ip, busybox',
  needs: ['node'],

  run({ machine }) {
    const missing = missingRequirements((name) => machine.find(name)).map(({ anyOf, debian, why }) => ({
      problem: `${anyOf.map((path) => path.split('/').at(-1))[0]}, which ${why}, is not installed.`,
      fix: [`apt-get install -y ${debian}`],
    }))
    if (machine.find('containerd') && !machine.find('ctr')) {
      return [
        ...missing,
        {
          problem: 'containerd is here without ctr, which brings images into it.',
          fix: ['apt-get install -y containerd    (some systems have it in a package of its own: containerd-ctr)'],
        },
      ]
    }
    return missing
  },
}
