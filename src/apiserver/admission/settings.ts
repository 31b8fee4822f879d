/** `--enable-admission-plugins`, `--disable-admission-plugins` and `--admission-control-config-file` (upstream `server/options/admission.go`). */
import { list, raw, string } from '#schema/words.ts'
import { parseYaml } from '#schema/yaml.ts'
import { ConfigurationReader, NotRegisteredError, struct } from '../config-file.ts'
import { defaultPlugins, fixedPlugins, orderedPlugins } from './chain.ts'
import type { AdmissionPlugin } from './plugin.ts'

export interface AdmissionSettings {
  /** Names beside the default ones. */
  readonly enable?: readonly string[] | undefined
  readonly disable?: readonly string[] | undefined
  /** Text of an AdmissionConfiguration. */
  readonly configuration?: string | undefined
  /** Reads a file that the configuration names. */
  readonly readFile?: ((path: string) => string) | undefined
}

/** Every complaint at once, in upstream's words. */
export class AdmissionSettingsError extends Error {
  constructor(messages: readonly string[]) {
    super(messages.join('\n'))
    this.name = 'AdmissionSettingsError'
  }
}

/** The plugins to run, in order. Throws AdmissionSettingsError. */
export function admissionPlugins(settings: AdmissionSettings): readonly AdmissionPlugin[] {
  const { enable = [], disable = [] } = settings
  const problems = namesProblems(enable, disable)
  if (problems.length > 0) throw new AdmissionSettingsError(problems)
  if (enable.length === 0 && disable.length === 0 && settings.configuration === undefined) return defaultPlugins
  const configurations = configurationsOf(settings)
  const plugins = orderedPlugins
    .filter(({ name, isDefault }) => (isDefault || enable.includes(name)) && !disable.includes(name))
    .map(({ name, make }) => {
      try {
        return make(configurations.get(name), settings.readFile)
      } catch (error) {
        throw new AdmissionSettingsError([`couldn't init admission plugin ${JSON.stringify(name)}: ${(error as Error).message}`])
      }
    })
  return [...plugins, ...fixedPlugins]
}

function namesProblems(enable: readonly string[], disable: readonly string[]): string[] {
  const known = new Set(orderedPlugins.map(({ name }) => name))
  const both = enable.filter((name) => disable.includes(name)).sort()
  const unknown = (flag: string, names: readonly string[]) =>
    names.filter((name) => !known.has(name)).map((name) => `${flag} plugin ${JSON.stringify(name)} is unknown`)
  return [
    ...unknown('enable-admission-plugins', enable),
    ...unknown('disable-admission-plugins', disable),
    ...(both.length > 0 ? [`[${both.join(' ')}] in enable-admission-plugins and disable-admission-plugins overlapped`] : []),
  ]
}

interface PluginConfiguration {
  readonly name: string
  readonly path?: string
  readonly configuration?: unknown
}

/** By the name of the plugin; what stands in a file of its own is read. */
function configurationsOf({ configuration, readFile }: AdmissionSettings): Map<string, unknown> {
  if (configuration === undefined) return new Map()
  return new Map(
    pluginsOf(configuration).map(({ name, path, configuration: own }) => {
      if (own !== undefined && own !== null) return [name, own]
      return [name, path && readFile ? documentOf(readFile(path)) : undefined]
    }),
  )
}

const reader = new ConfigurationReader({
  kind: 'AdmissionConfiguration',
  apiVersions: ['apiserver.config.k8s.io/v1', 'apiserver.config.k8s.io/v1alpha1'],
  scheme: 'pkg/server/options/admission.go:51',
  fields: { plugins: list(struct('AdmissionPluginConfiguration', { name: string(), path: string(), configuration: raw() })) },
})

/** Files of before there was this kind were the configuration of one of two plugins. */
const former = { imagePolicy: 'ImagePolicyWebhook', podNodeSelectorPluginConfig: 'PodNodeSelector' }

function pluginsOf(text: string): readonly PluginConfiguration[] {
  try {
    return reader.read<{ plugins?: readonly PluginConfiguration[] }>(text).plugins ?? []
  } catch (error) {
    const given = error instanceof NotRegisteredError ? documentOf(text) : undefined
    const isFormer = Object.keys(former).some((name) => Object.hasOwn(Object(given), name))
    if (isFormer) return Object.values(former).map((name) => ({ name, configuration: given }))
    throw new AdmissionSettingsError([(error as Error).message])
  }
}

function documentOf(text: string): unknown {
  try {
    return parseYaml(text)[0]?.value
  } catch (error) {
    throw new AdmissionSettingsError([(error as Error).message])
  }
}
