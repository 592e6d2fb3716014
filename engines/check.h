/* SPDX-License-Identifier: MIT */
/* check.h - what engines assert of themselves.
 *
 * BO_CHECK holds always, whatever is on the flash: where it does not, the engine is wrong. It is
 * there in builds with BO_CHECKS, which are those of the tests and of the harness; in firmware it
 * is nothing. BO_STATIC_CHECK is checked by the compiler.
 */
#ifndef BROWNOUT_CHECK_H
#define BROWNOUT_CHECK_H

#ifdef __cplusplus
extern "C" {
#endif

#ifdef BO_CHECKS
#define BO_CHECK(condition) ((condition) ? (void)0 : __builtin_trap())
#else
#define BO_CHECK(condition) ((void)0)
#endif

#ifdef __cplusplus
#define BO_STATIC_CHECK(condition, text) static_assert(condition, text)
#else
#define BO_STATIC_CHECK(condition, text) _Static_assert(condition, text)
#endif

#ifdef __cplusplus
}
#endif

#endif
