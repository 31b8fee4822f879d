/** `nami console`: commands one after the other, with completion. */
import { type Command, defineCommand } from '#cli/command.ts'

const command: Command = defineCommand({
  summary: 'type commands one after the other, with tab completion',
  usage: 'console',
  details: '  :help lists the commands, :quit or Ctrl-D ends.',
  examples: ['console'],
  flags: {},

  async run({ terminal }) {
    const [{ createInterface }, { commands }, { main }, { splitCommand }] = await Promise.all([
      import('node:readline'),
      import('#cli/commands.ts'),
      import('#cli/main.ts'),
      import('#workflow/environment/command-words.ts'),
    ])
    const names = [...Object.keys(commands), ':help', ':quit']
    const completer = (line: string): [string[], string] => [names.filter((name) => name.startsWith(line)), line]
    const { stdin, stdout, signal } = terminal
    const lines = createInterface({ input: stdin, output: stdout, completer, prompt: 'nami> ', signal })
    lines.prompt()
    for await (const line of lines) {
      const text = line.trim()
      if (text === ':quit' || text === 'exit') break
      try {
        if (text === ':help') await main(['help'], terminal)
        else if (text) await main(splitCommand(text), terminal)
      } catch (error) {
        terminal.stderr.write(`error: ${(error as Error).message}\n`)
      }
      lines.prompt()
    }
    lines.close()
  },
})
export default command
