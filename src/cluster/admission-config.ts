/** Which admission plugins the API server runs: kube-apiserver's three flags, as `up` keeps them. */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { AdmissionPlugin } from '#apiserver/admission/plugin.ts'

export interface AdmissionConfig {
  readonly enable?: readonly string[] | undefined
  readonly disable?: readonly string[] | undefined
  /** Path of an AdmissionConfiguration; whole, since the server runs elsewhere. */
  readonly file?: string | undefined
}

export interface AdmissionFlags {
  readonly 'enable-admission-plugins'?: string | undefined
  readonly 'disable-admission-plugins'?: string | undefined
  readonly 'admission-control-config-file'?: string | undefined
}

/** Undefined where nothing is said. Throws in upstream's words where the flags make no sense. */
export async function admissionWishes(flags: AdmissionFlags, cwd: string): Promise<AdmissionConfig | undefined> {
  const names = (text: string | undefined) => text?.split(',').flatMap((name) => name.trim() || [])
  const file = flags['admission-control-config-file']
  const config: AdmissionConfig = {
    enable: names(flags['enable-admission-plugins']),
    disable: names(flags['disable-admission-plugins']),
    file: file && resolve(cwd, file),
  }
  if (!config.enable && !config.disable && !config.file) return undefined
  await configuredAdmission(config)
  return config
}

/** In their order. Throws where a name is unknown or a plugin cannot be made of its configuration. */
export async function configuredAdmission({ enable, disable, file }: AdmissionConfig = {}): Promise<readonly AdmissionPlugin[]> {
  const { admissionPlugins } = await import('#apiserver/admission/settings.ts')
  const readFile = (path: string) => readFileSync(resolve(dirname(file as string), path), 'utf8')
  return admissionPlugins({ enable, disable, ...(file && { configuration: readFileSync(file, 'utf8'), readFile }) })
}
