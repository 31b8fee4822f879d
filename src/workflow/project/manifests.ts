/** The objects of an environment: its file, rendered, read and placed into a namespace. */
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import type { Deployment } from '#api/apps/v1/deployment.ts'
import { kinds } from '#api/kinds.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { parseYaml } from '#schema/yaml.ts'
import { WorkflowError } from '../workflow-error.ts'
import { requireFile } from './find-file.ts'
import type { Project } from './project.ts'
import { renderFile } from './template.ts'

export interface Manifest {
  readonly kind: Kind
  readonly object: KubeObject
}

export interface ManifestOptions {
  /** `staging`, `production`, or the name of a review app: the file to look for. */
  readonly environment: string
  readonly namespace: string
  /** The file is what it is: of review apps, which were rendered when they were set up. */
  readonly isPlain?: boolean
  /** `-f`. */
  readonly file: string | undefined
  readonly cwd: string
}

export function readManifests(project: Project, options: ManifestOptions): Manifest[] {
  const { environment, namespace, file, cwd, isPlain } = options
  const path = requireFile(project.folder, environment, { given: file, cwd })
  const text = isPlain
    ? readFileSync(path, 'utf8')
    : renderFile(path, { root: project.folder, variables: project.variables, cwd })
  return parseManifests(text, relative(cwd, path) || path, namespace)
}

/** Throws WorkflowError that names file and, where it can, line and column. */
export function parseManifests(text: string, file: string, namespace: string): Manifest[] {
  let documents: ReturnType<typeof parseYaml>
  try {
    documents = parseYaml(text, { file })
  } catch (error) {
    throw new WorkflowError((error as Error).message, { cause: error })
  }
  const manifests = documents.flatMap(({ value, line }) =>
    itemsOf(value as KubeObject & { items?: KubeObject[] }).map((object) => manifestOf(object, `${file}:${line}`, namespace)),
  )
  if (manifests.length === 0) throw new WorkflowError(`${file} holds no object.`)
  return manifests
}

function itemsOf(value: (KubeObject & { items?: KubeObject[] }) | null): KubeObject[] {
  if (!value) return []
  return value.kind === 'List' && value.items ? value.items : [value]
}

function manifestOf(object: KubeObject, where: string, namespace: string): Manifest {
  const kind = kinds.find((one) => one.apiVersion === object.apiVersion && one.kind === object.kind)
  if (!kind) {
    throw new WorkflowError(`${where}: no kind ${JSON.stringify(object.kind)} in version ${JSON.stringify(object.apiVersion)}`)
  }
  if (!object.metadata?.name) throw new WorkflowError(`${where}: metadata.name is missing`)
  const placed = kind.namespaced ? { namespace: object.metadata.namespace ?? namespace } : {}
  // Everything else may stand elsewhere; the project's Deployments are looked for in the environment's namespace.
  if (kind.kind === 'Deployment' && placed.namespace !== namespace) {
    throw new WorkflowError(
      `${where}: deployment/${object.metadata.name} is of namespace ${placed.namespace}, and the environment's is ${namespace}.`,
      { next: ["Leave the namespace out: it is that of the kubeconfig's context"] },
    )
  }
  return { kind, object: { ...object, metadata: { ...object.metadata, ...placed } } }
}

export function deploymentsOf(manifests: readonly Manifest[]): Deployment[] {
  return manifests.filter(({ kind }) => kind.kind === 'Deployment').map(({ object }) => object as Deployment)
}
