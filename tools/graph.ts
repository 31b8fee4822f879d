/** Prints who reads and who writes what, as a mermaid drawing, from what the controllers declare: `npm run graph`. */
import { kinds } from '#api/kinds.ts'
import { previewKinds } from '#api/preview-kinds.ts'
import { controllersOf } from '#controllers/controllers.ts'
import type { Controller } from '#controllers/runtime/controller.ts'
import { kindsRead } from '#controllers/runtime/roles.ts'
import type { Kind } from '#schema/kind.ts'

/** Whoever touches more kinds than this touches all there are; an arrow for each would hide the rest. */
const many = 12

/** An arrow from a kind to whoever reads it, a thick one to a kind that is written, a dotted one where only its status may be. */
export function graph(controllers: readonly Controller[]): string {
  const lines = controllers.flatMap((controller) => {
    const { name, for: main, writes = [] } = controller
    const node = nodeOf(name)
    return [
      `  ${node}[[${name}]]`,
      ...names(kindsRead(controller)).map((kind) => `  ${box(kind)} --> ${node}`),
      ...names(writes).map((kind) => `  ${node} ==> ${box(kind)}`),
      ...(main.def.status && !writes.includes(main) ? [`  ${node} -. status .-> ${box(main.kind)}`] : []),
    ]
  })
  return ['flowchart LR', ...new Set(lines)].join('\n')
}

function names(kinds: readonly Kind[]): readonly string[] {
  return kinds.length > many ? ['every kind'] : kinds.map(({ kind }) => kind)
}

function box(kind: string): string {
  return `${nodeOf(kind)}(${kind})`
}

function nodeOf(name: string): string {
  return name.replace(/\W/g, '_')
}

/** Everything that any cluster may run; nobody signs anything here. */
const all = () =>
  controllersOf({
    kinds: [...kinds, ...previewKinds],
    ...{ rootCa: 'x', clusterCidr: '10.244.0.0/16' },
    signer: { sign: async () => '' },
    tokens: { createSecretToken: () => '' },
  })

if (import.meta.main) console.log(graph(all()))
