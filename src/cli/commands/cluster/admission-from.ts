/** What the flags say about admission plugins; refused before anything starts. */
import { CommandError, type Terminal } from '#cli/command.ts'
import type { AdmissionConfig, AdmissionFlags } from '#cluster/admission-config.ts'

export async function admissionFrom(flags: AdmissionFlags, { cwd }: Terminal): Promise<AdmissionConfig | undefined> {
  const names = ['enable-admission-plugins', 'disable-admission-plugins', 'admission-control-config-file'] as const
  if (names.every((name) => flags[name] === undefined)) return undefined
  const { admissionWishes } = await import('#cluster/admission-config.ts')
  try {
    return await admissionWishes(flags, cwd)
  } catch (error) {
    throw new CommandError((error as Error).message, { exitCode: 2, cause: error })
  }
}
