import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from marketplace.entrypoints.cli.main import marketplace

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.12"
REFERENCE = "019a0000-0000-7000-8000-000000000001"
ANSWER = f"""<Document xmlns="{NAMESPACE}"><CstmrPmtStsRpt>
<GrpHdr><MsgId>BANK-1</MsgId><CreDtTm>2026-11-21T06:00:00Z</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>THEIRS</OrgnlMsgId><OrgnlMsgNmId>pain.008</OrgnlMsgNmId></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>G</OrgnlPmtInfId><TxInfAndSts>
<OrgnlEndToEndId>{REFERENCE.replace("-", "")}</OrgnlEndToEndId><TxSts>RJCT</TxSts>
<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>closed in May</AddtlInf></StsRsnInf>
</TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"""


def read(content: str, *more: str, folder: Path) -> Result:
    path = folder / "answer.xml"
    path.write_text(content, encoding="utf-8")
    return CliRunner().invoke(marketplace, ["bankfiles", "read", str(path), *more])


class TestReadABanksFile:
    def test_shows_line_by_line_what_the_bank_said(self, tmp_path: Path) -> None:
        result = read(ANSWER, folder=tmp_path)

        assert result.exit_code == 0, result.output
        titles, line = result.stdout.splitlines()
        assert titles.split()[:3] == ["about", "reference", "standing"]
        assert line.split()[:4] == ["line", REFERENCE, "failed", "RJCT"]
        assert "account_closed, AC04, closed in May" in line

    def test_tells_programs_the_same(self, tmp_path: Path) -> None:
        told = json.loads(read(ANSWER, "--json", folder=tmp_path).stdout)

        assert told["message"] == "pain.002.001.12"
        (answer,) = told["content"]["answers"]
        assert (answer["reference"], answer["standing"], answer["failure"]) == (
            REFERENCE,
            "failed",
            "account_closed",
        )

    def test_reads_from_stdin(self) -> None:
        result = CliRunner().invoke(marketplace, ["bankfiles", "read", "-", "--json"], input=ANSWER)

        assert json.loads(result.stdout)["content"]["file"] == "BANK-1"

    @pytest.mark.parametrize("content", ["a;b\n1;2\n", "{}", ""])
    def test_says_of_what_is_neither_what_there_might_have_been(self, content: str, tmp_path: Path) -> None:
        result = read(content, folder=tmp_path)

        assert result.exit_code == 1
        assert "no XML, and no file of Stitch's" in result.stderr
        assert "RECORD_TYPE" in result.stderr

    def test_names_the_message_beside_what_it_says(self, tmp_path: Path) -> None:
        assert "pain.002.001.12" in read(ANSWER, folder=tmp_path).stderr

    def test_refuses_another_version_with_those_that_it_knows(self, tmp_path: Path) -> None:
        result = read(ANSWER.replace(".12", ".03"), "--json", folder=tmp_path)

        assert result.exit_code == 1
        problem = json.loads(result.stderr)
        assert problem["code"] == "invalid"
        assert "pain.002.001.12" in problem["facts"]["allowed"]

    def test_reads_what_stitch_says_of_debits(self, tmp_path: Path) -> None:
        titles = (
            "EXTERNAL_BATCH_REFERENCE,EXTERNAL_COLLECTION_REFERENCE,COLLECTION_DATE,VALUE,COLLECTION_STATUS"
        )
        output = (
            "RECORD_TYPE,CLIENT_ID,PRODUCT,CHANNEL,FILE_TYPE\nP,anybody,COLLECTIONS,DEBICHECK,OUTPUT\n"
            f"RECORD_TYPE,{titles},COLLECTION_REASON\n"
            f"D,1,{REFERENCE},2026-11-21,250.00,UNPAID,INSUFFICIENT_FUNDS\n"
            "RECORD_TYPE,TOTAL_RECORDS\nT,1\n"
        )

        shown = read(output, folder=tmp_path)
        told = json.loads(read(output, "--json", folder=tmp_path).stdout)
        broken = read(output.replace("T,1", "T,2"), "--json", folder=tmp_path)

        assert shown.stdout.splitlines()[1].split()[:4] == ["line", REFERENCE, "returned", "UNPAID"]
        assert (told["message"], told["content"]["answers"][0]["failure"]) == ("OUTPUT", "insufficient_funds")
        assert json.loads(broken.stderr)["facts"]["field"] == "line 6, TOTAL_RECORDS"
