"""What each golden transcript means: the commands behind its `> ` lines and every event, in the order of the wire."""

from __future__ import annotations

from dataclasses import dataclass

from hems_data_collector.skstack import (
    DUAL_STACK,
    SINGLE_STACK,
    Address,
    AddressTable,
    Answer,
    AppVersion,
    Command,
    CommandDone,
    EnergyScan,
    Event,
    Fail,
    Info,
    ModemEvent,
    Neighbor,
    NeighborTable,
    Ok,
    PanDescription,
    PayloadMode,
    PortTable,
    Register,
    RxUdp,
    Transmission,
    Unparsed,
    Version,
    ropt,
    ruart,
    skaddnbr,
    skappver,
    skdsleep,
    skerase,
    skinfo,
    skjoin,
    skll64,
    skload,
    skrejoin,
    skreset,
    sksave,
    skscan,
    sksendto,
    sksetpwd,
    sksetrbid,
    sksreg,
    sktable,
    skterm,
    skudpport,
    skver,
    wopt,
    wuart,
)

SENT, FAILED, UNCONFIRMED = Transmission.SENT, Transmission.FAILED, Transmission.UNCONFIRMED


@dataclass(frozen=True, kw_only=True)
class Case:
    """`commands`: one for each `> ` line, None where no command was begun. `flushed`: what only `flush` brings out."""

    commands: tuple[Command | None, ...] = ()
    events: tuple[ModemEvent, ...] = ()
    flushed: tuple[ModemEvent, ...] = ()
    payload_mode: PayloadMode | None = None
    other_wire: bool = False
    """The host of this transcript typed the command in another form than ours."""


def ll(tail: str) -> str:
    return f"FE80:0000:0000:0000:{tail}"


def done(command: Command, *answers: Answer, transmission: Transmission | None = None, text: str = "") -> CommandDone:
    return CommandDone(command=command, ok=True, answers=answers, transmission=transmission, text=text)


def refused(command: Command, code: int | None, text: str = "") -> CommandDone:
    return CommandDone(command=command, ok=False, failure=Fail(code=code, text=text))


def event(number: int, tail: str, side: int | None = None, parameter: int | None = None) -> Event:
    address = tail if len(tail) == 39 else ll(tail)
    return Event(number=number, address=address, side=side, parameter=parameter)


def datagram(
    sender: str,
    destination: str,
    mac: str,
    payload: bytes | str,
    *,
    secured: bool = True,
    side: int | None = None,
    lqi: int | None = None,
    ports: tuple[int, int] = (0x0E1A, 0x0E1A),
) -> RxUdp:
    return RxUdp(
        sender=sender if len(sender) == 39 else ll(sender),
        destination=destination if len(destination) == 39 else ll(destination),
        remote_port=ports[0],
        local_port=ports[1],
        sender_mac=mac,
        lqi=lqi,
        secured=secured,
        side=side,
        payload=payload if isinstance(payload, bytes) else bytes.fromhex(payload),
    )


def pan(
    mac: str, *, channel: int = 33, pan_id: int = 0x8888, lqi: int = 0xE1, side: int | None = None, pair: str | None
) -> PanDescription:
    return PanDescription(channel=channel, channel_page=9, pan_id=pan_id, mac=mac, lqi=lqi, side=side, pair_id=pair)


def typed(name: str, *arguments: str, data: bytes | None = None) -> Command:
    """A command as somebody else's program wrote it."""
    return Command(name=name, arguments=arguments, data=data)


SELF = "021D:1290:0003:C890"
METER = "1034:5678:ABCD:EF01"
PEER = "021D:1290:1234:5678"
DUAL_SELF = "021D:1291:0000:0574"
C2 = "021D:1291:0000:0002"
C2_METER = "021C:6400:0000:0001"
C2_MAC = "001C640000000001"
ALL_NODES = "FF02:0000:0000:0000:0000:0000:0000:0001"
PANA = (0x02CC, 0x02CC)
MAC = "001D129012345678"
MAC_9 = "001D129012345679"

READ_E7 = bytes.fromhex("1081000105FF010288016201E700")
E7_1000_W = "1081000102880105FF017201E704000003E8"
E7_504_W = "1081000102880105FF017201E704000001F8"
INSTANCE_LIST = "108100000EF0010EF0017301D50401028801"

PANA_28 = "00000028C00000025A17C0DE1000000000060000000400000000000500030000000400000000000C"
PANA_68 = (
    "00000068800000025A17C0DE10000001000500000010000022222222222222222222222222222222000200000038000001E300382F00"
    "11111111111111111111111111111111534D3030313132323333343435353636373738383939414142424343444445454646"
)
PANA_54 = (
    "00000054800000025A17C0DE1000000200020000003B000001E4003B2F8011111111111111111111111111111111"
    "3333333333333333333333333333333300000000444444444444444444444444444444448100"
)
PANA_58 = (
    "00000058A00000025A17C0DE10000003000700000004000000000000000200000004000003E400040004000000040000000016010008"
    "00000004000000015180000100000010000055555555555555555555555555555555"
)

SCAN_2 = skscan(SINGLE_STACK, 2)
JOIN = skjoin(ll(METER))
PLAIN = sksendto(SINGLE_STACK, ll(PEER), b"01234", security=0)
CR_LF = sksendto(SINGLE_STACK, ll(PEER), b"\r\n", security=0)
READ = sksendto(DUAL_STACK, ll(C2_METER), READ_E7)
SHORT_ADDRESS = typed("SKSENDTO", "1", "2001:DB8::2", "0E1A", "1", "0", "0004", data=b"test")
TEST = typed("TEST")
ZERO_SEND = sksendto(SINGLE_STACK, ll("0000:0000:0000:0000"), bytes.fromhex("1081001A05FF0102880162019E00"), security=2)
SCAN_D4, SCAN_D5 = (typed("SKSCAN", "2", "FFFFFFFF", duration, "0", "") for duration in "45")

SHORT_PANA = datagram(SELF, METER, MAC, b"0", secured=False, ports=PANA)
SHORT_DB8 = "2001:0DB8:0000:0000:0000:0000:0000:0002"
BARE_1, BARE_2 = ll("0000:0000:0000:0001"), ll("0000:0000:0000:0002")
SIX_PROPERTIES = "108106E102880105FF017206800130880142E70400000698E80400A0{}E0040004F3FDE3040000000B"

G63_LINES = tuple(
    b"ERXUDP " + line
    for line in (
        b"192.168.0.1 FE80:0000:0000:0000:021D:1290:1234:5678 0E1A 0E1A 001D129012345679 0 0008 01234567",
        b"FE80:0000:0000:0000:021D:1290:1111: FE80:0000:0000:0000:021D:1290:1234:5678"
        b" 0E1A 0E1A 001D129012345679 0 0008 01234567",
        b"XXXX:XXXX:XXXX:XXXX:XXXX:XXXX:XXXX:XXXX FE80:0000:0000:0000:021D:1290:1234:5678"
        b" 0E1A 0E1A 001D129012345679 0 0008 01234567",
        *(
            b"FE80:0000:0000:0000:021D:1290:1111:2222 FE80:0000:0000:0000:021D:1290:1234:5678 " + tail + b" 01234567"
            for tail in (
                b"0E1A 0E1A 001D12 0 0008",
                b"0E1A 0E1A 001D1290123456790000 0 0008",
                b"0E1A 0E1A XXXXXXXXXXXXXXXX 0 0008",
                b"0E 0E1A 001D129012345679 0 0008",
                b"0E1A 0E1A00 001D129012345679 0 0008",
                b"0E1A GHIK 001D129012345679 0 0008",
                b"0E1A 0E1A 001D129012345679 01 0008",
                b"0E1A 0E1A 001D129012345679 2 0008",
            )
        ),
    )
)

CASES: dict[str, Case] = {
    "G01": Case(commands=(skver(),), events=(done(skver(), Version(text="1.2.10")),)),
    "G02": Case(commands=(skver(),), events=(done(skver(), Version(text="1.5.2")),)),
    "G03": Case(commands=(skappver(),), events=(done(skappver(), AppVersion(text="rev26e")),)),
    "G04": Case(commands=(skappver(), ropt()), events=(refused(skappver(), 4), refused(ropt(), 4))),
    "G05": Case(
        commands=(skinfo(),),
        events=(
            done(
                skinfo(), Info(address=ll(PEER), mac=MAC, channel=0x21, pan_id=0x8888, side=None, short_address=0xFFFE)
            ),
        ),
    ),
    "G06": Case(
        commands=(skinfo(),),
        events=(
            done(
                skinfo(), Info(address=ll(PEER), mac=MAC, channel=0x21, pan_id=0x8888, side=None, short_address=0xFFFE)
            ),
        ),
    ),
    "G07": Case(
        commands=(skinfo(),),
        events=(
            done(
                skinfo(),
                Info(address=ll(DUAL_SELF), mac="001D129100000574", channel=0x21, pan_id=0xFFFF, side=0),
            ),
        ),
    ),
    "G08": Case(
        commands=(
            sksreg("S02", "21"),
            sksreg("S03", "8888"),
            sksreg("S16", "384"),
            sksreg("S15", "1"),
            sksreg("S0A", "CCDDEEFF"),
        ),
        events=(
            done(sksreg("S02", "21")),
            done(sksreg("S03", "8888")),
            done(sksreg("S16", "384")),
            done(sksreg("S15", "1")),
            done(sksreg("S0A", "CCDDEEFF")),
        ),
    ),
    "G09": Case(
        commands=tuple(sksreg(name) for name in ("S02", "S03", "S07", "SFD", "SFB", "S0A")),
        events=(
            done(sksreg("S02"), Register(value="21")),
            done(sksreg("S03"), Register(value="8888")),
            done(sksreg("S07"), Register(value="01234567")),
            done(sksreg("SFD"), Register(value="FFFFFFFFFFFFFFFF")),
            done(sksreg("SFB"), Register(value="0")),
            done(sksreg("S0A"), Register(value="CCDDEEFF")),
        ),
    ),
    "G10": Case(
        commands=(sksreg("S2", "21"), sksreg("S3", "0002")),
        events=(done(sksreg("S2", "21")), done(sksreg("S3", "0002"))),
    ),
    "G11": Case(
        commands=(sksreg("SFE", "0"), skver()),
        events=(done(sksreg("SFE", "0")), done(skver(), Version(text="1.2.10"))),
    ),
    "G12": Case(
        commands=(sksetpwd("0123456789AB"), sksetrbid("00112233445566778899AABBCCDDEEFF")),
        events=(done(sksetpwd("0123456789AB")), done(sksetrbid("00112233445566778899AABBCCDDEEFF"))),
    ),
    "G13": Case(
        commands=(sksetpwd("0123456789AB"), sksetrbid("00112233445566778899AABBCCDDEEFF")),
        events=(done(sksetpwd("0123456789AB")), done(sksetrbid("00112233445566778899AABBCCDDEEFF"))),
    ),
    "G14": Case(
        commands=(ropt(), wopt(1), ropt(), ruart(), wuart(0x83)),
        events=(
            done(ropt(), text="00"),
            done(wopt(1)),
            done(ropt(), text="01"),
            done(ruart(), text="00"),
            done(wuart(0x83)),
        ),
    ),
    "G15": Case(
        commands=(ropt(), ruart()), events=(done(ropt(), text="01"), done(ruart(), text="80")), other_wire=True
    ),
    "G16": Case(
        commands=(ropt(), skinfo()),
        events=(
            done(ropt(), text="01"),
            done(skinfo(), Info(address=ll(PEER), mac=MAC, channel=0x21, pan_id=0x8888, side=0)),
        ),
        other_wire=True,
    ),
    "G17": Case(
        commands=(skscan(SINGLE_STACK, 2, mode=0),),
        events=(
            done(skscan(SINGLE_STACK, 2, mode=0)),
            event(0x1F, SELF),
            EnergyScan(
                levels=dict(
                    zip(
                        range(33, 61),
                        (4, 4, 3, 2, 5, 6, 5, 17, 16, 11, 16, 12, 9, 10, 7, 6, 5, 6, 3, 3, 3, 2, 3, 3, 2, 4, 6, 2),
                        strict=True,
                    )
                )
            ),
        ),
    ),
    "G18": Case(
        commands=(SCAN_2,),
        events=(done(SCAN_2), event(0x20, SELF), pan("12345678ABCDEF01", pair="AABBCCDD"), event(0x22, SELF)),
    ),
    "G19": Case(
        commands=(skscan(SINGLE_STACK, 2, mode=3),),
        events=(
            done(skscan(SINGLE_STACK, 2, mode=3)),
            event(0x20, SELF),
            pan("12345678ABCDEF01", pair=None),
            event(0x22, SELF),
        ),
    ),
    "G20": Case(
        commands=(SCAN_2,),
        events=(
            done(SCAN_2),
            event(0x20, SELF),
            pan("12345678ABCDEF01", pair="AABBCCDD"),
            event(0x20, SELF),
            pan("ABCDEF0123456789", pan_id=0x9999, pair="AABBCCDD"),
            event(0x22, SELF),
        ),
    ),
    "G21": Case(commands=(SCAN_2,), events=(done(SCAN_2), event(0x22, SELF))),
    "G22": Case(
        commands=(SCAN_D4, SCAN_D5),
        events=(
            done(SCAN_D4),
            event(0x22, DUAL_SELF, 0),
            done(SCAN_D5),
            event(0x20, DUAL_SELF, 0),
            pan("001C6400030C12A4", channel=0x33, pan_id=0x12A4, lqi=0xCA, side=0, pair="AABBCCDD"),
            event(0x22, DUAL_SELF, 0),
        ),
    ),
    "G23": Case(
        events=(
            event(0x20, "1207:23FF:FEA0:77E3"),
            pan("001C640003DD6393", channel=0x33, pan_id=0x6393, lqi=0x4D, pair="AABBCCDD"),
            event(0x22, "1207:23FF:FEA0:77E3"),
        )
    ),
    "G24": Case(commands=(skscan(DUAL_STACK, 6),), events=(refused(skscan(DUAL_STACK, 6), 5),)),
    "G25": Case(commands=(skll64(MAC),), events=(done(skll64(MAC), Address(address=ll(PEER))),)),
    "G26": Case(
        commands=(skll64("12345678ABCDEF01"),),
        events=(done(skll64("12345678ABCDEF01"), Address(address=ll(METER))),),
    ),
    "G27": Case(commands=(skaddnbr(ll(PEER), MAC),), events=(done(skaddnbr(ll(PEER), MAC)),)),
    "G28": Case(
        commands=(JOIN,),
        events=(
            done(JOIN),
            event(0x21, SELF, parameter=2),
            event(0x02, SELF),
            SHORT_PANA,
            event(0x21, SELF, parameter=0),
            SHORT_PANA,
            event(0x25, METER),
        ),
    ),
    "G29": Case(
        commands=(JOIN,),
        events=(
            done(JOIN),
            event(0x21, SELF, parameter=2),
            event(0x02, SELF),
            SHORT_PANA,
            event(0x21, SELF, parameter=0),
            SHORT_PANA,
            event(0x24, SELF),
        ),
    ),
    "G30": Case(
        commands=(skjoin(ll(C2_METER)),),
        events=(
            done(skjoin(ll(C2_METER))),
            event(0x21, C2_METER, 0, 2),
            event(0x02, C2_METER, 0),
            datagram(C2_METER, C2, C2_MAC, PANA_28, secured=False, side=0, ports=PANA),
            event(0x21, C2_METER, 0, 0),
            datagram(C2_METER, C2, C2_MAC, PANA_68, secured=False, side=0, ports=PANA),
            event(0x21, C2_METER, 0, 0),
            datagram(C2_METER, C2, C2_MAC, PANA_54, secured=False, side=0, ports=PANA),
            event(0x21, C2_METER, 0, 0),
            datagram(C2_METER, C2, C2_MAC, PANA_58, secured=False, side=0, ports=PANA),
            event(0x21, C2_METER, 0, 0),
            event(0x25, C2_METER, 0),
            datagram(C2_METER, ALL_NODES, C2_MAC, INSTANCE_LIST, side=0),
        ),
    ),
    "G31": Case(
        commands=(typed("SKJOIN", "fe80::1034:5678:abcd:ef01"),),
        events=(refused(typed("SKJOIN", "fe80::1034:5678:abcd:ef01"), 6),),
    ),
    "G32": Case(
        commands=(skrejoin(), skrejoin()),
        events=(
            done(skrejoin()),
            event(0x21, SELF, parameter=2),
            event(0x02, SELF),
            datagram(SELF, PEER, MAC, b"0", secured=False, ports=PANA),
            event(0x21, SELF, parameter=0),
            event(0x25, METER),
            refused(skrejoin(), 10),
        ),
    ),
    "G33": Case(
        commands=(skterm(),),
        events=(
            event(0x21, PEER, parameter=2),
            done(skterm()),
            datagram(PEER, PEER, MAC, b"0", secured=False, ports=PANA),
            event(0x27, PEER),
        ),
    ),
    "G34": Case(commands=(skterm(),), events=(event(0x21, PEER, parameter=2), done(skterm()), event(0x28, PEER))),
    "G35": Case(commands=(skterm(),), events=(refused(skterm(), 10),)),
    "G36": Case(commands=(PLAIN,), events=(event(0x21, PEER, parameter=0), done(PLAIN, transmission=SENT))),
    "G37": Case(commands=(PLAIN,), events=(event(0x21, PEER, parameter=1), done(PLAIN, transmission=FAILED))),
    "G38": Case(
        commands=(PLAIN,),
        events=(
            event(0x21, PEER, parameter=2),
            event(0x21, PEER, parameter=0),
            done(PLAIN, transmission=SENT),
        ),
    ),
    "G39": Case(commands=(PLAIN,), events=(event(0x21, PEER, parameter=2), done(PLAIN, transmission=UNCONFIRMED))),
    "G40": Case(commands=(PLAIN,), events=(done(PLAIN, transmission=UNCONFIRMED),)),
    "G41": Case(
        commands=(PLAIN,),
        events=(
            event(0x21, "2001:0DB8:0000:0000:0000:0000:0000:0001", parameter=1),
            event(0x21, PEER, parameter=0),
            event(0x21, "2001:0DB8:0000:0000:0000:0000:0000:0002", parameter=1),
            done(PLAIN, transmission=SENT),
        ),
    ),
    "G42": Case(commands=(PLAIN,), events=(refused(PLAIN, 10),)),
    "G43": Case(commands=(CR_LF,), events=(event(0x21, PEER, parameter=0), done(CR_LF, transmission=SENT))),
    "G44": Case(commands=(CR_LF,), events=(event(0x21, PEER, parameter=0), done(CR_LF, transmission=SENT))),
    "G45": Case(
        commands=(READ,),
        events=(
            event(0x21, C2_METER, 0, 0),
            done(READ, transmission=SENT),
            datagram(C2_METER, C2, C2_MAC, E7_1000_W, side=0),
        ),
    ),
    "G46": Case(
        commands=(SHORT_ADDRESS, SHORT_ADDRESS),
        events=(
            event(0x21, SHORT_DB8, 0, 1),
            event(0x28, SHORT_DB8, 0),
            done(SHORT_ADDRESS, transmission=FAILED),
            event(0x21, SHORT_DB8, 0, 0),
            done(SHORT_ADDRESS, transmission=SENT),
            datagram(BARE_1, BARE_2, "001C6400030C12A4", E7_504_W, side=0),
        ),
    ),
    "G47": Case(
        events=(
            datagram(
                "021C:6400:03CD:76A4",
                "021D:1290:0004:263D",
                "001C640003CD76A4",
                "1081100202880105FF017202E7040000029CE80400280028",
            ),
        )
    ),
    "G48": Case(
        events=(
            datagram(
                "0280:8700:3015:29FC",
                "1207:23FF:FEA0:75B3",
                "00808700301529FC",
                "1081412202880105FF017201E704000001C0",
            ),
            datagram(
                "021C:6400:03DD:6393",
                "1207:23FF:FEA0:77E3",
                "001C640003DD6393",
                "1081000302880105FF017201E7040000001C",
            ),
            datagram(
                "021C:6400:03DD:6393",
                "1207:23FF:FEA0:77E3",
                "001C640003DD6393",
                "1081000302880105FF017201E704FFFFF856",
            ),
        )
    ),
    "G49": Case(events=(datagram("021C:6400:030C:12A4", DUAL_SELF, "001C6400030C12A4", E7_504_W, side=0),)),
    "G50": Case(events=(datagram("021C:6400:030C:12A4", DUAL_SELF, "001C6400030C12A4", E7_504_W, side=0),)),
    "G51": Case(events=(datagram("021D:1290:1234:5679", PEER, MAC_9, b"\r\n", secured=False),)),
    "G52": Case(
        events=(
            datagram(
                "0000:0000:0000:0000",
                "0000:0000:0000:0000",
                "0000111122223333",
                SIX_PROPERTIES.format("0D0A"),
                secured=False,
                side=0,
            ),
        )
    ),
    "G53": Case(
        events=(
            datagram(
                "0000:0000:0000:0000",
                "0000:0000:0000:0000",
                "0000111122223333",
                SIX_PROPERTIES.format("0028"),
                secured=False,
            ),
        )
    ),
    "G54": Case(
        events=(
            datagram("021D:1290:1111:2222", PEER, MAC_9, b"01234567", secured=False),
            datagram("021D:1290:3333:4444", PEER, MAC_9, b"89ABCDEF", secured=False),
            datagram("021D:1290:1111:2222", PEER, MAC_9, b"ECHONET-LITE", secured=False),
            datagram("021D:1290:3333:4444", PEER, MAC_9, b"PANA", secured=False, ports=PANA),
        )
    ),
    "G55": Case(
        events=(datagram("021D:1290:1111:2222", PEER, MAC_9, b"\x01\x23\x45\x67\x89\xab\xcd\xef", secured=False),)
    ),
    "G56": Case(
        commands=(sksreg("SA2", "1"),),
        events=(
            done(sksreg("SA2", "1")),
            datagram(C2_METER, C2, C2_MAC, E7_1000_W, side=0, lqi=0x50),
        ),
    ),
    "G57": Case(events=(datagram(C2_METER, C2, C2_MAC, E7_1000_W, lqi=0x50),)),
    "G58": Case(
        events=(
            event(0x21, "021C:6400:03DD:6393", parameter=0),
            datagram(
                "021C:6400:03DD:6393",
                "1207:23FF:FEA0:77E3",
                "001C640003DD6393",
                "00000058A0000002AB0FB498736E78FC000700000004000000000000000200000004000003AC00040004000000040000"
                "0000FE010008000000040000000151800001000000100000877B491137BCABC194562415536C3E17",
                secured=False,
                ports=PANA,
            ),
            event(0x25, "021C:6400:03DD:6393"),
        )
    ),
    "G59": Case(events=(datagram("1234:5678:1234:5678", "1234:5678:90AB:CDEF", "C0F9450040213077", INSTANCE_LIST),)),
    "G60": Case(events=(datagram(BARE_1, BARE_2, "001C6400030C12A4", "1081000102880105FF015200", side=0),)),
    "G61": Case(
        commands=(ZERO_SEND,),
        events=(
            event(0x21, "0000:0000:0000:0000", parameter=0),
            done(ZERO_SEND, transmission=SENT),
            datagram(
                "0000:0000:0000:0000",
                "0000:0000:0000:0001",
                "001C64000334809F",
                "1081001A02880105FF0172019E040381E5ED",
            ),
        ),
    ),
    "G62": Case(events=(datagram("021D:1290:1111:2222", PEER, MAC_9, b"X", secured=False),)),
    "G63": Case(events=tuple(Unparsed(raw=line) for line in G63_LINES)),
    "G64": Case(
        commands=(sktable(1),),
        events=(
            done(
                sktable(1),
                AddressTable(
                    addresses=(ll("021D:1290:0003:AFE0"), ll("021D:1290:0003:AFE1"), ll("021D:1290:0003:AFE2"))
                ),
            ),
        ),
    ),
    "G65": Case(
        commands=(sktable(2),),
        events=(
            done(
                sktable(2),
                NeighborTable(
                    neighbors=(
                        Neighbor(address=ll(PEER), mac=MAC, short_address=0xFFFF),
                        Neighbor(address=ll("021D:1290:1234:5679"), mac=MAC_9, short_address=0xFFFF),
                    )
                ),
            ),
        ),
    ),
    "G66": Case(
        commands=(sktable(0xE),),
        events=(done(sktable(0xE), PortTable(udp=(3610, 1, 2, 3, 4, 5), tcp=(3601, 0, 0, 0))),),
    ),
    "G67": Case(
        commands=(skudpport(3, 0x50), skudpport(3, 0)), events=(done(skudpport(3, 0x50)), done(skudpport(3, 0)))
    ),
    "G68": Case(
        commands=(sksave(), skload(), skerase(), skreset()),
        events=(refused(sksave(), 10), refused(skload(), 10), done(skerase()), done(skreset())),
    ),
    "G69": Case(commands=(skdsleep(),), events=(done(skdsleep()), Event(number=0xC0))),
    "G70": Case(
        commands=(skver(), skver()),
        events=(
            event(0x26, PEER),
            done(skver(), Version(text="1.2.10")),
            event(0x29, PEER),
            done(skver(), Version(text="1.2.10")),
        ),
    ),
    "G71": Case(events=(event(0x32, PEER), event(0x33, PEER), event(0x32, C2, 0), event(0x33, C2, 0))),
    "G72": Case(events=(event(0x29, C2_METER, 0), event(0x25, C2_METER, 0))),
    "G73": Case(
        commands=(TEST, TEST, TEST, TEST),
        events=(done(TEST, text="DONE"), refused(TEST, None), refused(TEST, 1, "error text"), done(TEST)),
    ),
    "G74": Case(events=(Unparsed(raw=b"EVENT 25"), Unparsed(raw=b"EVENT ZZ FE80::2"))),
    "G75": Case(commands=(None,), events=(datagram(C2_METER, C2, C2_MAC, E7_1000_W, side=0),), other_wire=True),
    "G76": Case(
        commands=(sksendto(DUAL_STACK, ll(PEER), b"12345"),),
        events=(done(sksendto(DUAL_STACK, ll(PEER), b"12345"), transmission=UNCONFIRMED),),
    ),
    "G77": Case(commands=(skterm(), skterm()), events=(done(skterm()), refused(skterm(), 10))),
    "G78": Case(events=(datagram(PEER, PEER, MAC, b"12345", side=0),)),
    "G79": Case(events=(event(0x1F, SELF, 0), event(0x21, PEER, 0, 1))),
    "G80": Case(flushed=(pan("12345678ABCDEF01", side=0, pair="AABBCCDD"),)),
    "G81": Case(flushed=(pan(MAC, pair="00112233"),)),
    "G82": Case(
        events=(
            datagram(C2_METER, PEER, MAC, "1081000102880105FF01", secured=False),
            datagram(C2_METER, PEER, MAC, b"\xab\xcd", ports=(0x0E1A, 0x1234)),
        )
    ),
    "G83": Case(
        events=(
            Unparsed(
                raw=b"ERXUDP FE80:0000:0000:0000:021C:6400:0000:0001 FE80:0000:0000:0000:021D:1290:1234:5678"
                b" 0E1A 0E1A 001D129012345678 1 000A ABCD"
            ),
            Ok(),
        ),
        payload_mode=PayloadMode.HEX,
    ),
}
