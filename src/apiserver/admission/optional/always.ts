/** AlwaysAdmit and AlwaysDeny: what stands before and after all others. */
import type { AdmissionPlugin } from '../plugin.ts'
import { refuse } from '../refuse.ts'

export const alwaysAdmit: AdmissionPlugin = { name: 'AlwaysAdmit', handles: () => false }

export const alwaysDeny: AdmissionPlugin = {
  name: 'AlwaysDeny',
  handles: () => true,
  mutate(request) {
    throw refuse(request, 'admission control is denying all modifications')
  },
  validate(request) {
    throw refuse(request, 'admission control is denying all modifications')
  },
}
