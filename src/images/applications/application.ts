/** What each kind of application says about its image: the runtime it needs, its dependencies, how it starts. */
import type { Image } from '../image.ts'
import type { Entry } from '../layer.ts'
import type { RuntimeSources } from '../runtime-layer.ts'
import type { Component } from '../sbom.ts'

export interface ApplicationKind {
  readonly name: string
  /** Whether the folder is one. */
  isIn(directory: string): boolean
  /** Throws ImageError with what to do where the folder cannot be built. */
  plan(directory: string, options: PlanOptions): Promise<ApplicationPlan>
}

export interface PlanOptions {
  readonly runtime: RuntimeSources
  /** The runtime is in there. */
  readonly base?: Image | undefined
  readonly isForDevelopment: boolean
}

export interface ApplicationPlan {
  /** Absent with a base image. */
  readonly runtime?: LayerPlan
  readonly dependencies?: LayerPlan
  /** Folders that are no source. */
  readonly apart: readonly string[]
  readonly command: readonly string[]
  readonly env: readonly string[]
  /** For the bill of materials. */
  readonly components: readonly Component[]
  readonly notes?: readonly string[]
}

export interface LayerPlan {
  /** Equal keys give equal layers: it is packed once. */
  readonly key: string
  entries(): Promise<readonly Entry[]>
  /** What is in it, for the bill of materials; asked behind `entries`, and kept with the layer. */
  components?(): readonly Component[]
  /** The entries' files are not needed any more. */
  packed?(): Promise<void>
}

/** What Heroku's users write beside an application: `web: node server.js`. */
export function webProcess(procfile: string): string | undefined {
  return /^web:\s*(.+?)\s*$/m.exec(procfile)?.[1]
}

/** Without a shell where none is needed, so that signals reach the program. */
export function commandOf(line: string, programs: Readonly<Record<string, string>> = {}): readonly string[] {
  if (/["'$&|;<>()`*?~#\\]|^\w+=/.test(line))
    return ['/bin/sh', '-c', `exec ${line}`.replace(/^exec (?=.*(&&|\|\||;|\w+=))/s, '')]
  const [program = '', ...words] = line.trim().split(/\s+/)
  return [programs[program] ?? program, ...words]
}
