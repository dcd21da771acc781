"""Every command with the use case that carries it out, and every effect with its one call to a vendor."""

from collections.abc import Awaitable, Callable
from typing import Any

from marketplace.core.bookings import (
    advance,
    assigning,
    callout,
    commands,
    complaint,
    fulfilment,
    request,
    rescheduling,
    settlement,
    timing,
    withdrawal,
)
from marketplace.core.catalogue import skills
from marketplace.core.catalogue import usecases as catalogue
from marketplace.core.dispatch import answering, blocking, matching, presences, rounds, searching
from marketplace.core.identity import authentication
from marketplace.core.identity import usecases as identity
from marketplace.core.notifications import effects as message_effects
from marketplace.core.notifications import usecases as notifications
from marketplace.core.payments import effects as payment_effects
from marketplace.core.payments import refunding, rerouting, saving, saving_effects
from marketplace.core.payments import usecases as payments
from marketplace.core.payouts import drawing, opening, opening_effects, reversing
from marketplace.core.payouts import effects as payout_effects
from marketplace.core.payouts import usecases as payouts
from marketplace.core.providers import usecases as providers
from marketplace.core.reviews import usecases as reviews
from marketplace.core.settlements import effects as settlement_effects
from marketplace.core.settlements import importing, resolving
from marketplace.core.settlements import usecases as settlements
from marketplace.core.subscriptions import usecases as subscriptions
from marketplace.core.tenants import usecases as tenants

USE_CASES: dict[type, Callable[..., Awaitable[Any]]] = {
    tenants.OpenTenant: tenants.open_tenant,
    tenants.AmendPolicy: tenants.amend_policy,
    tenants.MoveClock: tenants.move_clock,
    tenants.CloseTenant: tenants.close_tenant,
    tenants.ReopenTenant: tenants.reopen_tenant,
    authentication.RequestCode: authentication.request_code,
    authentication.VerifyCode: authentication.verify_code,
    authentication.RefreshSession: authentication.refresh_session,
    authentication.SignOut: authentication.sign_out,
    authentication.ExpireSignIn: authentication.expire_sign_in,
    authentication.ExpireSession: authentication.expire_session,
    identity.AmendUser: identity.amend_user,
    identity.GrantRoles: identity.grant_roles,
    identity.BlockUser: identity.block_user,
    identity.UnblockUser: identity.unblock_user,
    identity.RevokeSession: identity.revoke_session,
    identity.EndSessions: identity.end_sessions,
    providers.ApplyAsProvider: providers.apply_as_provider,
    providers.AmendProvider: providers.amend_provider,
    providers.MoveProvider: providers.move_provider,
    providers.AddUnit: skills.add_skilled_unit,
    providers.AmendUnit: skills.amend_skilled_unit,
    providers.RetireUnit: providers.retire_unit,
    providers.ReturnUnit: providers.return_unit,
    catalogue.DraftService: catalogue.draft_service,
    catalogue.AmendService: catalogue.amend_service,
    catalogue.PublishService: catalogue.publish_service,
    catalogue.WithdrawService: catalogue.withdraw_service,
    payments.RecordPayment: payments.record_payment,
    refunding.RecordRefund: refunding.record_refund,
    payments.PromisePayment: payments.promise_payment,
    payments.LosePayment: payments.lose_payment,
    payments.GiveUpPayment: payments.give_up_payment,
    rerouting.BeginCollect: rerouting.begin_collect,
    rerouting.PutOffPayment: rerouting.put_off_payment,
    payments.LookUpPayment: payments.look_up_payment,
    payments.SubmitEvidence: payments.submit_evidence,
    refunding.LookUpRefund: refunding.look_up_refund,
    refunding.RetryRefund: refunding.retry_refund,
    refunding.FailRefund: refunding.fail_refund,
    refunding.DropRefund: refunding.drop_refund,
    refunding.PayRefundByHand: refunding.pay_refund_by_hand,
    payments.HearHint: payments.hear_hint,
    saving.SaveMethod: saving.save_method,
    saving.AmendMandate: saving.amend_mandate,
    saving.RemoveMethod: saving.remove_method,
    saving.RecordMethod: saving.record_method,
    saving.LookUpMethod: saving.look_up_method,
    drawing.StartPayoutRun: drawing.start_payout_run,
    drawing.ContinuePayoutRun: drawing.continue_payout_run,
    payouts.ApprovePayout: payouts.approve_payout,
    payouts.HoldPayout: payouts.hold_payout,
    payouts.ResumePayout: payouts.resume_payout,
    payouts.RetryPayout: payouts.retry_payout,
    payouts.LookUpPayout: payouts.look_up_payout,
    payouts.RecordPayout: payouts.record_payout,
    payouts.FailPayout: payouts.fail_payout,
    opening.OpenPayoutAccount: opening.open_payout_account,
    opening.ClosePayoutAccount: opening.close_payout_account,
    opening.LookUpPayoutAccount: opening.look_up_payout_account,
    opening.RecordPayoutAccount: opening.record_payout_account,
    opening.SendWaiting: opening.send_waiting,
    reversing.RecordReversal: reversing.record_reversal,
    reversing.RefuseReversal: reversing.refuse_reversal,
    reversing.LookUpReversal: reversing.look_up_reversal,
    settlements.ReadStatements: settlements.read_statements,
    settlements.BookLines: settlements.book_lines,
    settlements.RecheckSettlement: settlements.recheck_settlement,
    resolving.ResolveSettlement: resolving.resolve_settlement,
    importing.ImportLines: importing.import_lines,
    commands.CreateBooking: request.create_booking,
    commands.RetryPayment: request.retry_payment,
    commands.AcceptBooking: fulfilment.accept_booking,
    commands.AssignBooking: assigning.assign_booking,
    commands.SetOut: fulfilment.set_out,
    commands.Arrive: fulfilment.arrive,
    commands.StartBooking: fulfilment.start_booking,
    commands.DeliverBooking: fulfilment.deliver_booking,
    commands.ApproveBooking: fulfilment.approve_booking,
    commands.DeclineBooking: withdrawal.decline_booking,
    commands.CancelBooking: withdrawal.cancel_booking,
    commands.ReportNoShow: withdrawal.report_no_show,
    commands.HandBack: withdrawal.hand_back,
    commands.ProposeTime: rescheduling.propose_time,
    commands.DeclineTime: rescheduling.decline_time,
    commands.AcceptTime: rescheduling.accept_time,
    commands.DisputeBooking: complaint.dispute_booking,
    commands.ResolveDispute: complaint.resolve_dispute,
    commands.SettleBooking: settlement.settle_booking,
    commands.AbsorbLoss: settlement.absorb_loss,
    commands.AdvanceBooking: advance.advance_booking,
    commands.ClockBooking: timing.clock_booking,
    commands.CallOut: callout.call_out,
    reviews.ReviewBooking: reviews.review_booking,
    reviews.ReplyToReview: reviews.reply_to_review,
    reviews.HideReview: reviews.hide_review,
    reviews.RestoreReview: reviews.restore_review,
    reviews.CountReview: reviews.count_review,
    subscriptions.GrantMembership: subscriptions.grant_membership,
    subscriptions.RenewMembership: subscriptions.renew_membership,
    subscriptions.EndMembership: subscriptions.end_membership,
    subscriptions.ClockMembership: subscriptions.clock_membership,
    presences.GoOnline: presences.go_online,
    presences.GoOffline: presences.go_offline,
    presences.KeepPlace: presences.keep_place,
    presences.ClockPresence: presences.clock_presence,
    presences.FinishJob: presences.finish_job,
    blocking.SetBlock: blocking.set_block,
    blocking.LiftBlock: blocking.lift_block,
    searching.OpenSearch: searching.open_search,
    searching.CloseSearch: searching.close_search,
    searching.SearchOn: searching.search_on,
    searching.WakeArea: searching.wake_area,
    searching.WakeFreed: searching.wake_freed,
    searching.ClockJob: searching.clock_job,
    searching.ClockArea: searching.clock_area,
    rounds.RecordRound: rounds.record_round,
    answering.AcknowledgeOffer: answering.acknowledge_offer,
    answering.SeeOffer: answering.see_offer,
    answering.AcceptOffer: answering.accept_offer,
    answering.DeclineOffer: answering.decline_offer,
    answering.ClockOffer: answering.clock_offer,
    notifications.PlanMessages: notifications.plan_messages,
    notifications.BeginSending: notifications.begin_sending,
    notifications.SendAgain: notifications.send_again,
    notifications.RecordAnswer: notifications.record_answer,
    notifications.ClockMessage: notifications.clock_message,
}

EFFECTS: dict[type, Callable[..., Awaitable[Any]]] = {
    payment_effects.AskRail: payment_effects.ask_rail,
    payment_effects.Collect: payment_effects.collect,
    payment_effects.SendEvidence: payment_effects.send_evidence,
    payment_effects.AskRailForRefund: payment_effects.ask_rail_for_refund,
    payment_effects.AskRailAboutRefund: payment_effects.ask_rail_about_refund,
    saving_effects.AskRailForMethod: saving_effects.ask_rail_for_method,
    payout_effects.DrawPayouts: payout_effects.draw_payouts,
    payout_effects.AskRailForPayout: payout_effects.ask_rail_for_payout,
    payout_effects.AskRailAboutTransfer: payout_effects.ask_rail_about_transfer,
    opening_effects.AskRailForAccount: opening_effects.ask_rail_for_account,
    reversing.AskRailForReversal: reversing.ask_rail_for_reversal,
    settlement_effects.AskForLines: settlement_effects.ask_for_lines,
    settlement_effects.AskRailAboutBreak: settlement_effects.ask_rail_about_break,
    matching.Match: matching.match,
    presences.ShowFreed: presences.show_freed,
    presences.ShowPresence: presences.show_presence,
    presences.ShowUnit: presences.show_unit,
    message_effects.SendMessage: message_effects.send_message,
    message_effects.FindMessage: message_effects.find_message,
}

# What everybody does for itself, whatever its role: nobody is owed a reason.
OWN_AFFAIRS: frozenset[type] = frozenset({identity.AmendUser, authentication.SignOut})

# What these make has an id that derives from what they follow: who finds it there was not the first.
FOUND_DONE: frozenset[type] = frozenset(
    {searching.OpenSearch, rounds.RecordRound, notifications.PlanMessages, commands.AbsorbLoss}
)
