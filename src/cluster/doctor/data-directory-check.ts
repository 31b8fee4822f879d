/** Whether the data directory is one that this Nami can read, whole, and closed to others. */
import { basename, dirname, join } from 'node:path'
import { type DataDirectory, format } from '../data-directory.ts'
import type { Check, Machine, Problem } from './check.ts'

export const dataDirectoryCheck: Check = {
  name: 'data directory',
  about: 'its version, its configuration, and who may read it',

  run({ machine, directory }) {
    if (machine.facts(directory.path) === undefined) return []
    return [...versionOf(machine, directory), ...configurationOf(machine, directory), ...rightsOf(machine, directory)]
  },
}

function versionOf(machine: Machine, { path }: DataDirectory): readonly Problem[] {
  const file = join(path, 'version')
  const text = machine.readText(file)
  if (text === undefined) return []
  const found = Number(text.trim())
  if (found >= 1 && found <= format) return []
  if (found > format) {
    return [
      {
        problem: `${path} was written by a newer Nami (format ${found}, this one knows ${format}).`,
        fix: ['git pull    (use the newer Nami again)', 'nami up --data-dir OTHER    starts a second cluster beside it'],
      },
    ]
  }
  return [{ problem: `${file} is damaged: it should hold the format's number.`, fix: [`echo ${format} >${file}`] }]
}

function configurationOf(machine: Machine, { config }: DataDirectory): readonly Problem[] {
  const text = machine.readText(config)
  if (text === undefined) return []
  try {
    JSON.parse(text)
    return []
  } catch (error) {
    return [
      {
        problem: `${config} is damaged: ${(error as Error).message}`,
        fix: [`cp ${config} /tmp/ && rm ${config}`, 'nami up    writes it anew, with the flags of the first time'],
      },
    ]
  }
}

function rightsOf(machine: Machine, { path, pki, kubeconfig }: DataDirectory): readonly Problem[] {
  const secret = [...machine.filesBelow(pki).filter((file) => file.endsWith('.key')), kubeconfig]
  const open = [path, pki, ...secret].filter((file) => ((machine.facts(file)?.mode ?? 0) & 0o077) !== 0)
  const owner = machine.facts(path)?.uid
  return [
    ...open.map((file) => ({
      problem: `Others than its owner can read ${basename(dirname(file))}/${basename(file)}: whoever has it rules the cluster.`,
      fix: [`chmod go= ${file}`],
    })),
    ...(owner !== machine.uid
      ? [{ problem: `${path} belongs to the user ${owner}, not to you (${machine.uid}).`, fix: ['sudo nami doctor'] }]
      : []),
  ]
}
