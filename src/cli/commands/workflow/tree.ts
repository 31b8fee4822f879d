/** `nami tree`: every command, as a tree. */
import { type Command, defineCommand } from '#cli/command.ts'

const command: Command = defineCommand({
  summary: 'print all commands as a tree',
  usage: 'tree',
  examples: ['tree'],
  flags: {},

  async run({ print }) {
    const { commands } = await import('#cli/commands.ts')
    const root: Branch = { below: new Map() }
    for (const [name, { load }] of Object.entries(commands)) {
      const { summary } = (await load()).default
      let branch = root
      for (const word of name.split(' ')) {
        if (!branch.below.has(word)) branch.below.set(word, { below: new Map() })
        branch = branch.below.get(word) as Branch
      }
      branch.summary = summary.length > 100 ? `${summary.slice(0, 97)}...` : summary
    }
    print('nami')
    for (const line of linesOf(root, '')) print(line)
  },
})
export default command

interface Branch {
  summary?: string
  readonly below: Map<string, Branch>
}

function linesOf({ below }: Branch, indent: string): string[] {
  const sorted = [...below].sort(([a], [b]) => (a < b ? -1 : 1))
  return sorted.flatMap(([word, branch], i) => {
    const isLast = i === sorted.length - 1
    const line = `${indent}${isLast ? '└──' : '├──'} ${word}${branch.summary ? ` - ${branch.summary}` : ''}`
    return [line, ...linesOf(branch, `${indent}${isLast ? '    ' : '│   '}`)]
  })
}
