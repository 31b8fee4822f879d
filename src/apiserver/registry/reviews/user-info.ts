/** A user as reviews, admission and the audit log show it (`authentication/v1` UserInfo). */
import type { User } from '../../request.ts'

export function userInfo({ name, uid, groups, extra }: User): object {
  return { username: name, ...(uid && { uid }), ...(groups.length > 0 && { groups }), ...(extra && { extra }) }
}
