/** `--feature-gates` of a component that runs by itself, refused before anything starts. */
import type { FeatureGates } from '#api/feature-gates.ts'
import { CommandError } from '#cli/command.ts'

export const featureGatesFlag = {
  'feature-gates': { type: 'string', value: 'N=BOOL,...', doc: 'features to turn on and off' },
} as const

export async function featureGatesFrom(text: string | undefined): Promise<FeatureGates> {
  const { featureGates } = await import('#api/feature-gates.ts')
  try {
    return featureGates(text)
  } catch (error) {
    const why = `invalid argument ${JSON.stringify(text)} for "--feature-gates" flag: ${(error as Error).message}`
    throw new CommandError(why, { exitCode: 2, cause: error })
  }
}
