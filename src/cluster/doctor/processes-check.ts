/** Whether everything of the cluster runs that should, and keeps running. */
import { join } from 'node:path'
import type { Check, ClusterProcess, DoctorContext, Problem } from './check.ts'

export const processes: Check = {
  name: 'processes',
  about: 'supervisor, server, agent and containerd',
  needs: ['cluster'],

  run(context) {
    const { config, processes: running } = context
    const wanted: ClusterProcess[] = ['supervisor', 'server', ...(config.agent ? (['agent', 'containerd'] as const) : [])]
    const missing = wanted.filter((name) => running[name] === undefined)
    if (missing.length === wanted.length) return [{ problem: 'The cluster is stopped.', fix: ['nami up'] }]
    const kept = ['server', 'agent'] as const
    return [
      ...missing.map((name) => notRunning(name, context)),
      ...kept.filter((name) => running[name] !== undefined).flatMap((name) => restarting(name, context)),
    ]
  },
}

function notRunning(name: ClusterProcess, context: DoctorContext): Problem {
  if (name === 'supervisor') {
    return {
      problem: 'The supervisor is gone: nobody starts the server and the agent again when they end.',
      fix: ['nami down', 'nami up'],
    }
  }
  if (name === 'containerd') {
    const log = join(context.directory.containerd.root, 'containerd.log')
    return { problem: 'containerd is not running: no pod starts or stops.', fix: [`tail ${log}`, 'nami down', 'nami up'] }
  }
  return { problem: `The ${name} is not running.${lastWords(name, context)}`, fix: [`tail ${logOf(name, context)}`, 'nami up'] }
}

/** The supervisor writes a line into the log each time it starts a process again. */
function restarting(name: 'server' | 'agent', context: DoctorContext): readonly Problem[] {
  const lines = logLines(name, context).slice(-60)
  const ends = lines.filter((line) => line.startsWith(`supervisor: ${name} ended`)).length
  if (ends < 3) return []
  return [
    {
      problem: `The ${name} keeps ending and is started again.${lastWords(name, context)}`,
      fix: [`tail -50 ${logOf(name, context)}`],
    },
  ]
}

function lastWords(name: string, context: DoctorContext): string {
  const last = logLines(name, context)
    .filter((line) => !line.startsWith('supervisor:'))
    .at(-1)
  return last ? ` The last it said: ${messageOf(last).slice(0, 300)}` : ''
}

/** The log has a JSON object on each line; what a crash prints is plain text. */
function messageOf(line: string): string {
  try {
    return JSON.parse(line).msg ?? line
  } catch {
    return line
  }
}

function logLines(name: string, context: DoctorContext): readonly string[] {
  return (context.machine.readText(logOf(name, context)) ?? '').trimEnd().split('\n').filter(Boolean)
}

function logOf(name: string, { directory }: DoctorContext): string {
  return join(directory.logs, `${name}.log`)
}
