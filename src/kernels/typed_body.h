/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of one element type, SBN_TYPE. */
#include "kernels/forms.h"
#include "kernels/formulas_body.h"
#include "kernels/strips_body.h"
#include "kernels/map_body.h"
#include "kernels/fold_body.h"
#include "kernels/float_sums_body.h"
#include "kernels/plane_body.h"
#include "kernels/positions_body.h"
#include "kernels/short_body.h"
#include "kernels/planes_body.h"
#include "kernels/rows_body.h"
#include "kernels/rows_sums_body.h"
