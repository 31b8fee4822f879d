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

/** Who has run this long, in seconds, has got over whatever ended it before. */
const settled = 120

/** The supervisor writes a line into the log each time it starts a process again. */
function restarting(name: 'server' | 'agent', context: DoctorContext): readonly Problem[] {
  if (ageOf(context.processes[name] ?? 0, context) > settled) return []
  const ends = recentEnds(name, context)
  if (ends < 3) return []
  return [
    {
      problem: `The ${name} keeps ending and is started again.${lastWords(name, context)}`,
      fix: [`tail -50 ${logOf(name, context)}`],
    },
  ]
}

/** How often it has ended lately; its own lines carry the time, those of the supervisor do not. */
function recentEnds(name: string, context: DoctorContext): number {
  let last = context.now
  let ends = 0
  for (const line of logLines(name, context)) {
    const time = Date.parse(/^\{.*"time":"([^"]+)"/.exec(line)?.[1] ?? '')
    if (!Number.isNaN(time)) last = time
    if (line.startsWith(`supervisor: ${name} ended`) && context.now - last < 600_000) ends++
  }
  return ends
}

/** Seconds since the start of a process: field 22 of proc(5) stat, in hundredths since the machine's start. */
function ageOf(pid: number, { machine }: DoctorContext): number {
  const stat = machine.readText(`/proc/${pid}/stat`) ?? ''
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const uptime = Number((machine.readText('/proc/uptime') ?? '0').split(' ')[0])
  return uptime - Number(fields[19] ?? 0) / 100
}

/** The log has a JSON object on each line; a crash prints a stack, in which the line with the error's name tells most. */
function lastWords(name: string, context: DoctorContext): string {
  const words = logLines(name, context)
    .map(messageOf)
    .filter((line) => line !== undefined)
    .at(-1)
  return words ? ` The last it said: ${words.slice(0, 300)}` : ''
}

function messageOf(line: string): string | undefined {
  if (!line.startsWith('{')) return /^\w*Error\b.*:/.test(line) ? line : undefined
  try {
    return JSON.parse(line).msg
  } catch {
    return undefined
  }
}

function logLines(name: string, context: DoctorContext): readonly string[] {
  return (context.machine.readText(logOf(name, context)) ?? '').trimEnd().split('\n').filter(Boolean)
}

function logOf(name: string, { directory }: DoctorContext): string {
  return join(directory.logs, `${name}.log`)
}
